import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { describeOnServers } from '../support/describe-on.ts';
import type { OwnerApp } from '../support/owner-app.ts';
import {
  login,
  logout,
  logoutAll,
  me,
  POOL_SIZE,
  SharedDatabase,
  type Member,
  type MemberToken,
} from '../support/shared-database.ts';

/** Queries of the application that wait for one of its connections, before the package's come. */
const QUEUED = 5;

const AT_ONCE = 10;

describeOnServers('an application that has used up its pool of %s', (database) => {
  let shared: SharedDatabase;
  let app: OwnerApp<MemberToken>;
  let owner: Member;
  let held: QueryRunner[] = [];
  let queued: Promise<unknown>[] = [];
  let served = 0;

  beforeAll(async () => {
    shared = await SharedDatabase.create(database);
    owner = await shared.addMember('ada');
    app = await shared.start({ knox: { tokenLimitPerUser: 2 * AT_ONCE } });
  });
  afterEach(async () => {
    for (const runner of held.splice(0)) await runner.release();
    await Promise.all(queued.splice(0));
    await shared.deleteTokens();
  });
  afterAll(async () => {
    await app.close();
    await shared.drop();
  });

  /** Holds each connection of the pool, with queries behind that wait for them. */
  async function useUpPool(): Promise<void> {
    held = Array.from({ length: POOL_SIZE }, () => app.dataSource.createQueryRunner());
    for (const runner of held) await runner.connect();
    served = 0;
    const query = async () => {
      await app.dataSource.query('SELECT 1');
      served += 1;
    };
    queued = Array.from({ length: QUEUED }, query);
  }

  const newToken = async () => (await app.tokens.create(owner)).token;

  it('still answers requests, logins and logouts', async () => {
    const [good, ended] = [await newToken(), await newToken()];
    await useUpPool();
    const requests = await Promise.all(Array.from({ length: AT_ONCE }, () => me(app, good)));
    expect(requests.map(({ status }) => status)).toEqual(requests.map(() => 200));
    const logins = await Promise.all(Array.from({ length: AT_ONCE }, () => login(app, owner)));
    expect(logins.map(({ status }) => status)).toEqual(logins.map(() => 200));
    expect((await me(app, String(logins[0]!.body.token))).status).toBe(200);
    expect((await logout(app, ended)).status).toBe(204);
    expect((await me(app, ended)).status).toBe(401);
    expect((await logoutAll(app, good)).status).toBe(204);
    expect(await shared.countTokens(owner)).toBe(0);
    expect(served).toBe(0);
  });

  it('gets its connections back as before', async () => {
    await useUpPool();
    expect((await login(app, owner)).status).toBe(200);
    for (const runner of held.splice(0)) await runner.release();
    await Promise.all(queued.splice(0));
    expect(served).toBe(QUEUED);
  });
});
