import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { pollFor } from '../support/polling.ts';
import type { Answer } from '../support/http-client.ts';
import type { OwnerApp } from '../support/owner-app.ts';
import {
  login,
  logout,
  me,
  SharedDatabase,
  type LockName,
  type Member,
  type MemberToken,
} from '../support/shared-database.ts';

const USERS = 12;

/** What a pool holds where nothing is said. */
const POOL_SIZE = 10;

describeOnServers('writes of many users that wait for a lock of %s', (database) => {
  let shared: SharedDatabase;
  let app: OwnerApp<MemberToken>;
  let reader: Member;
  const owners: Member[] = [];

  beforeAll(async () => {
    shared = await SharedDatabase.create(database);
    for (let number = 1; number <= USERS; number += 1) {
      owners.push(await shared.addMember(`writer-${number}`));
    }
    reader = await shared.addMember('reader');
    app = await shared.start({
      dataSource: { poolSize: POOL_SIZE },
      // Long enough for every write to be served after the lock, one by one if need be.
      knox: { tokenLimitPerUser: 5, authTimeout: '10s' },
    });
  });
  afterEach(() => shared.deleteTokens());
  afterAll(async () => {
    await app.close();
    await shared.drop();
  });

  const newToken = async (owner: Member) => (await app.tokens.create(owner)).token;

  const cases: [string, LockName, (tokens: string[]) => Promise<Answer>[], number][] = [
    ['logins, of the table', 'table', () => owners.map((owner) => login(app, owner)), 200],
    ['logins, of their owners', 'owners', () => owners.map((owner) => login(app, owner)), 200],
    ['logouts, of the table', 'table', (tokens) => tokens.map((token) => logout(app, token)), 204],
    ['logouts, of tokens', 'tokens', (tokens) => tokens.map((token) => logout(app, token)), 204],
  ];

  it.each(cases)('keep no lookup waiting: %s', async (_, lock, send, status) => {
    const good = await newToken(reader);
    const tokens = await Promise.all(owners.map(newToken));
    const unlock = await shared.lock(lock);
    let written = 0;
    const writes = send(tokens).map((answer) => answer.finally(() => (written += 1)));
    try {
      const isBlocked = (count: number) => count > 0;
      expect(await pollFor(() => shared.waitingSessions(), isBlocked)).toBeGreaterThan(0);
      // For as many writes as may hold a connection to have got one.
      await sleep(200);
      for (let round = 0; round < 20; round += 1) {
        expect((await me(app, good)).status).toBe(200);
      }
      expect(written).toBe(0);
    } finally {
      await unlock();
    }
    const answers = await Promise.all(writes);
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status));
  });
});
