import { expect, it } from '@jest/globals';
import { AuthToken } from '../../lib/index.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';

/** More than two batches. */
const MANY = 1_200;

/** The package's connections are closed at the second DELETE. */
function breakSecondDelete({ proxy }: FaultyApp): Promise<void> {
  return proxy.sees(/DELETE/).then(() => proxy.breakAt(/DELETE/));
}

async function addTokens({ direct, john }: FaultyApp, count: number): Promise<void> {
  const row = (index: number): object => ({
    digest: index.toString(16).padStart(128, '0'),
    tokenKey: 'key',
    created: new Date(),
    expiry: null,
    user: john,
  });
  await direct
    .getRepository(AuthToken)
    .insert(Array.from({ length: count }, (_, index) => row(index)));
}

describeOnServers('a user of many tokens on %s', (database) => {
  it('is logged out everywhere by a second try, when the first one broke', async () => {
    const test = await startFaultyApp({ database, knox: { connections: 1 } });
    try {
      const token = await test.newToken();
      await addTokens(test, MANY);
      const broken = breakSecondDelete(test);
      const answer = await test.client.post('/auth/logoutall', { token });
      expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
      await broken;
      expect(await test.rows()).toBe(MANY + 1 - 500);
      test.proxy.thaw();
      expect((await test.client.post('/auth/logoutall', { token })).status).toBe(204);
      expect(await test.rows()).toBe(0);
    } finally {
      await test.close();
    }
  });

  it('loses no row of others’ by it, nor waits for one', async () => {
    const test = await startFaultyApp({ database });
    const runner = await test.lockingConnection();
    try {
      const jane = await test.direct
        .getRepository('users')
        .save({ username: 'jane', password: 'x', isActive: true });
      await addTokens(test, 6);
      await test.tokens.create(jane);
      await test.tokens.create(jane);
      const token = await test.newToken();
      await runner.startTransaction();
      await runner.query(
        `SELECT digest FROM knox_auth_token WHERE user_id = ${String(jane.id)} FOR UPDATE`,
      );
      expect((await test.client.post('/auth/logoutall', { token })).status).toBe(204);
      expect(await test.rows()).toBe(2);
    } finally {
      await runner.rollbackTransaction();
      await test.close();
    }
  });
});
