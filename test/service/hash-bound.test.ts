import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventPublisher } from '../../lib/events/event.publisher.ts';
import { KNOX_SETTINGS } from '../../lib/service/knox.settings.ts';
import { TokenAuthenticator } from '../../lib/service/token.authenticator.ts';
import { TokenRevoker } from '../../lib/service/token.revoker.ts';
import { UserStatus } from '../../lib/service/user-status.ts';
import { Deadline } from '../../lib/async/deadline.ts';
import { TokenStore } from '../../lib/store/token.store.ts';
import type { HashAlgorithm } from '../../lib/tokens/token.ts';
import type { KnoxSettings } from '../../lib/options/runtime-options.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { SqlLog } from '../support/sql-log.ts';

describe('a token that is longer than any ever was', () => {
  let test: TestApp;
  let sql: SqlLog;
  let authenticator: TokenAuthenticator;
  let hashed = 0;
  beforeAll(async () => {
    test = await startApp();
    sql = new SqlLog(test.dataSource);
    // Who hashes asks with what.
    const settings = {
      ...test.app.get<KnoxSettings>(KNOX_SETTINGS, { strict: false }),
      get hashAlgorithm(): HashAlgorithm {
        hashed++;
        return 'sha512';
      },
    };
    const get = <T>(type: new (...args: never[]) => T): T => test.app.get(type, { strict: false });
    authenticator = new TokenAuthenticator(
      settings,
      get(TokenStore),
      get(UserStatus),
      get(TokenRevoker),
      get(EventPublisher),
    );
  });
  beforeEach(() => {
    hashed = 0;
    sql.clear();
  });
  afterAll(() => test.close());

  const ask = (token: string) => authenticator.authenticate(token, new Deadline(5_000), null);

  it.each([267, 16_000, 1_000_000])(
    'is refused unhashed, and without a lookup: %d',
    async (length) => {
      await expect(ask('a'.repeat(length))).rejects.toMatchObject({ code: 'invalid_token' });
      expect(hashed).toBe(0);
      expect(sql.statements).toEqual([]);
    },
  );

  it('is told from one that is as long as the longest, which is hashed once and looked up', async () => {
    await expect(ask('a'.repeat(266))).rejects.toMatchObject({ code: 'invalid_token' });
    expect(hashed).toBe(1);
    expect(sql.reads).toHaveLength(1);
  });
});
