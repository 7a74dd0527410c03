import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { until } from '../support/until.ts';
import { DATABASE_GROUNDS, GROUNDS, Race, tally, times, USERS } from './two-processes.ts';

const EVERYBODY = Array.from({ length: USERS }, (_, index) => index + 1);

/** How many connections of the test's database wait for a lock; nothing else takes its time there. */
const WAITING = {
  postgres: `SELECT COUNT(*) AS total FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  mariadb: `SELECT COUNT(*) AS total FROM information_schema.processlist
    WHERE db = DATABASE() AND command = 'Query' AND id <> CONNECTION_ID()`,
};

/** RACE_ROUNDS=500 says more. */
const ROUNDS = Array.from({ length: Number(process.env.RACE_ROUNDS ?? 3) }, (_, i) => i + 1);

const FLOODED = 1;
const OTHER = 2;

// SQLite has one writer, which holds no connection while it waits.
const POOLED = DATABASE_GROUNDS.filter(({ database }) => database !== 'sqlite');

describe.each(GROUNDS)('Logins in two processes at once, on $name', (ground) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(ground, { tokenLimitPerUser: 5 });
  });

  afterAll(() => race.close());

  it.each(ROUNDS)('give a user as many tokens as the limit allows (round %i)', async (round) => {
    const user = 1 + (round % USERS);
    await race.clear();
    await race.plant([user], 3, Date.now() - 1);
    const answers = await times(24, () => race.login(user));
    expect(tally(answers)).toEqual({ 200: 5, 403: 19 });
    const now = Date.now();
    const unexpired = (await race.rows(user)).filter(({ expiry }) => Number(expiry) > now);
    expect(unexpired).toHaveLength(5);
  });

  it('succeed for each of many users with expired tokens, which are deleted and told once', async () => {
    await race.clear();
    await race.plant(EVERYBODY, 3, Date.now() - 1);
    const answers = await times(USERS, (index) => race.login(EVERYBODY[index]!));
    expect(tally(answers)).toEqual({ 200: USERS });
    await race.settle(USERS, 'knox.token.expired', 3 * USERS);
  });
});

describe.each(POOLED)("A flood of one user's logins, on $name", (ground) => {
  describe.each([
    ['with a limit', 1_000],
    ['without a limit', null],
  ])('%s', (_, tokenLimitPerUser) => {
    let race: Race;
    let blocker: QueryRunner;

    beforeAll(async () => {
      race = await Race.start(ground, { tokenLimitPerUser, authTimeout: '30s' });
      blocker = race.dataSource.createQueryRunner();
    });

    afterAll(async () => {
      await blocker.release();
      await race.close();
    });

    it('holds one connection of each process, and holds nobody else up', async () => {
      const waiting = async (): Promise<number> => {
        const [{ total }] = await race.dataSource.query(WAITING[ground.database as 'postgres']);
        return Number(total);
      };
      const token = await race.token(OTHER);
      // No token can be made for this user before this transaction ends.
      await blocker.startTransaction();
      await blocker.query(`SELECT id FROM users WHERE id = ${String(FLOODED)} FOR UPDATE`);
      const flood = times(60, () => race.login(FLOODED));
      try {
        await until(2, waiting);
        for (let round = 0; round < 10; round++) {
          expect(await race.verdicts(token)).toEqual([200, 200]);
          expect(tally(await times(2, () => race.login(OTHER)))).toEqual({ 200: 2 });
        }
        expect(await waiting()).toBe(2);
      } finally {
        await blocker.rollbackTransaction();
      }
      expect(tally(await flood)).toEqual({ 200: 60 });
    });
  });
});
