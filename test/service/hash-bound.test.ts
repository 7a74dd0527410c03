import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BackgroundTasks } from '../../lib/async/background-tasks.ts';
import { Operation } from '../../lib/async/operation.ts';
import type { AbstractAuthToken } from '../../lib/entities/abstract-auth-token.entity.ts';
import { EventPublisher } from '../../lib/events/event.publisher.ts';
import { KNOX_SETTINGS, type KnoxSettings } from '../../lib/options/runtime-options.ts';
import { LastUsedWriter } from '../../lib/service/last-used.writer.ts';
import { TokenAuthenticator } from '../../lib/service/token.authenticator.ts';
import { TokenRevoker } from '../../lib/service/token.revoker.ts';
import { UserStatus } from '../../lib/service/user-status.ts';
import { TokenStore } from '../../lib/store/token.store.ts';
import type { HashAlgorithm } from '../../lib/tokens/token.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { SqlLog } from '../support/sql-log.ts';

describe('a token that is longer than any ever was', () => {
  let test: TestApp;
  let sql: SqlLog;
  let authenticator: TokenAuthenticator<AbstractAuthToken>;
  let hashed = 0;
  beforeAll(async () => {
    test = await startApp();
    sql = new SqlLog(test.dataSource);
    // To hash a token is to read the algorithm.
    const settings = {
      ...test.app.get<KnoxSettings>(KNOX_SETTINGS, { strict: false }),
      get hashAlgorithm(): HashAlgorithm {
        hashed++;
        return 'sha512';
      },
    };
    const get = <T>(type: new (...args: never[]) => T): T => test.app.get(type, { strict: false });
    const [store, events] = [get(TokenStore), get(EventPublisher)];
    authenticator = new TokenAuthenticator(
      settings,
      store,
      new UserStatus(settings, store),
      new TokenRevoker(settings, store, get(BackgroundTasks), events),
      events,
      new LastUsedWriter(settings, store),
    );
  });
  beforeEach(() => {
    hashed = 0;
    sql.clear();
  });
  afterAll(() => test.close());

  const ask = (token: string) => authenticator.authenticate(token, Operation.within(5_000));
  const invalid = { ok: false, code: 'invalid_token', authToken: null };

  it.each([267, 16_000, 1_000_000])(
    'is refused unhashed, and without a lookup: %d',
    async (length) => {
      expect(await ask('a'.repeat(length))).toEqual(invalid);
      expect(hashed).toBe(0);
      expect(sql.statements).toEqual([]);
    },
  );

  it('is told from one that is as long as the longest, which is hashed once and looked up', async () => {
    expect(await ask('a'.repeat(266))).toEqual(invalid);
    expect(hashed).toBe(1);
    expect(sql.reads).toHaveLength(1);
  });
});
