import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { SessionToken } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { pollFor } from '../support/polling.ts';
import { COMMIT } from '../support/proxy.ts';
import { User } from '../support/users.ts';

describeOnServers('a reauthentication on %s whose commit is never acknowledged', (database) => {
  let test: FaultyApp;
  beforeAll(async () => {
    test = await startFaultyApp({
      database,
      entities: [User, SessionToken],
      knox: { tokenEntity: SessionToken, lastUsedInterval: '1h' },
    });
  });
  afterAll(() => test.close());
  afterEach(async () => {
    test.proxy.thaw();
    await test.direct.query('DELETE FROM knox_auth_token');
  });

  /** A token whose last use is written: nothing else commits meanwhile. */
  async function settledToken(): Promise<string> {
    const token = await test.newToken();
    await test.direct
      .getRepository(SessionToken)
      .update({ user: { id: test.john.id } }, { lastUsed: new Date() });
    return token;
  }
  const isRefused = async (token: string): Promise<void> => {
    const body = { username: 'john.doe', password: PASSWORD };
    const answer = await test.client.post('/auth/reauthenticate', { token, body });
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
  };
  const digests = async (): Promise<string[]> =>
    (await test.direct.getRepository(SessionToken).find()).map(({ digest }) => digest);

  it('ends the session, if the commit was done', async () => {
    const token = await settledToken();
    const committed = test.proxy.swallowReplyTo(COMMIT);
    await Promise.all([committed, isRefused(token)]);
    expect(await pollFor(test.rows, (rows) => rows === 0)).toBe(0);
    expect((await test.me(token)).status).toBe(401);
  });

  it('ends it, if the connection breaks before the answer', async () => {
    const token = await settledToken();
    const committed = test.proxy.breakAfter(COMMIT);
    await Promise.all([committed, isRefused(token)]);
    expect(await pollFor(test.rows, (rows) => rows === 0)).toBe(0);
    expect((await test.me(token)).status).toBe(401);
  });

  it('leaves the old token alone, if the commit never arrived', async () => {
    const token = await settledToken();
    const before = await digests();
    const committed = test.proxy.breakAt(COMMIT);
    await Promise.all([committed, isRefused(token)]);
    // Until the server has given the transaction up, its COMMIT could still come.
    test.proxy.drop();
    expect(
      await pollFor(
        async () => (await test.me(token)).status,
        (status) => status === 200,
      ),
    ).toBe(200);
    expect(await digests()).toEqual(before);
  });

  it('leaves the old token or none, if the commit arrives late', async () => {
    const token = await settledToken();
    const before = await digests();
    const held = test.proxy.holdAt(COMMIT);
    await Promise.all([held, isRefused(token)]);
    await test.proxy.quiet(150);
    test.proxy.thaw();
    await test.proxy.quiet(150);
    const left = await pollFor(digests, (found) =>
      found.every((digest) => before.includes(digest)),
    );
    expect(left.filter((digest) => !before.includes(digest))).toEqual([]);
    expect((await test.me(token)).status).toBe(left.length === 1 ? 200 : 401);
  });

  it('leaves none, if the connection breaks, and the commit arrives after the deletion', async () => {
    const token = await settledToken();
    const deletion = test.proxy.breakAt(COMMIT).then(() => test.proxy.sees(/DELETE/));
    await Promise.all([deletion, isRefused(token)]);
    await test.proxy.quiet(50);
    test.proxy.thaw();
    await test.proxy.quiet(150);
    expect(await pollFor(test.rows, (rows) => rows === 0, 8_000)).toBe(0);
    expect((await test.me(token)).status).toBe(401);
  });
});
