import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../support/until.ts';
import {
  DATABASE_GROUNDS,
  GROUNDS,
  Race,
  tally,
  times,
  USERS,
  type Ground,
} from './two-processes.ts';

const EVERYBODY = Array.from({ length: USERS }, (_, index) => index + 1);

/** How many connections of the test's database wait for a lock. */
const WAITING = {
  postgres: `SELECT COUNT(*) AS total FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  // By the time it takes: InnoDB's own list is not renewed for whoever asks every few milliseconds.
  mariadb: `SELECT COUNT(*) AS total FROM information_schema.processlist
    WHERE db = DATABASE() AND command = 'Query' AND time_ms > 100`,
};

/** RACE_ROUNDS=500 says more. */
const ROUNDS = Array.from({ length: Number(process.env.RACE_ROUNDS ?? 3) }, (_, i) => i + 1);

const FLOODED = 1;
const OTHER = 2;

// SQLite has one writer, which holds no connection while it waits.
const isServer = ({ database }: Ground): boolean => database !== 'sqlite';
const SERVER_GROUNDS = GROUNDS.filter(isServer);
const SERVERS = DATABASE_GROUNDS.filter(isServer);

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

/** Keeps everybody from making a token for the user until the returned function is called. */
async function lockOut({ dataSource }: Race, user: number): Promise<() => Promise<void>> {
  const blocker = dataSource.createQueryRunner();
  await blocker.startTransaction();
  await blocker.query(`SELECT id FROM users WHERE id = ${String(user)} FOR UPDATE`);
  return async () => {
    await blocker.rollbackTransaction();
    await blocker.release();
  };
}

async function waiting({ dataSource }: Race, { database }: Ground): Promise<number> {
  const [{ total }] = await dataSource.query(WAITING[database as keyof typeof WAITING]);
  return Number(total);
}

describe.each(SERVER_GROUNDS)('Logins that wait for one another, on $name', (ground) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(ground, { tokenLimitPerUser: 5 });
  });

  afterAll(() => race.close());

  it.each([1, 2])('count what was made meanwhile (round %i)', async (user) => {
    await race.plant([user], 4, Date.now() + 3_600_000);
    const letIn = await lockOut(race, user);
    const logins = times(6, () => race.login(user));
    try {
      // Of each process one has begun; nothing that either of them sees tells of the other.
      await until(2, () => waiting(race, ground));
    } finally {
      await letIn();
    }
    expect(tally(await logins)).toEqual({ 200: 1, 403: 5 });
  });
});

describe.each(SERVERS)("A flood of one user's logins, on $name", (ground) => {
  describe.each([
    ['with a limit', 1_000],
    ['without a limit', null],
  ])('%s', (_, tokenLimitPerUser) => {
    let race: Race;

    beforeAll(async () => {
      race = await Race.start(ground, { tokenLimitPerUser });
    });

    afterAll(() => race.close());

    it('holds one connection of each process, and holds nobody else up', async () => {
      const token = await race.token(OTHER);
      const letIn = await lockOut(race, FLOODED);
      const flood = times(60, () => race.login(FLOODED));
      try {
        await until(2, () => waiting(race, ground));
        for (let round = 0; round < 10; round++) {
          expect(await race.verdicts(token)).toEqual([200, 200]);
          expect(tally(await times(2, () => race.login(OTHER)))).toEqual({ 200: 2 });
        }
        await until(2, () => waiting(race, ground));
      } finally {
        await letIn();
      }
      expect(tally(await flood)).toEqual({ 200: 60 });
    });
  });
});
