import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeEach } from '../support/describe-on.ts';
import { countByStatus } from '../support/http-client.ts';
import { pollUntil } from '../support/polling.ts';
import { repeat } from '../support/repeat.ts';
import { type Backend, BACKENDS, BACKENDS_BY_DATABASE, Race, USERS } from './two-processes.ts';

const EVERYBODY = Array.from({ length: USERS }, (_, index) => index + 1);

/** How many connections of the test's database wait for a lock. */
const WAITING = {
  postgres: `SELECT COUNT(*) AS total FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  // By duration: InnoDB's list of lock waits is cached, and not renewed when it is read every few milliseconds.
  mariadb: `SELECT COUNT(*) AS total FROM information_schema.processlist
    WHERE db = DATABASE() AND command = 'Query' AND time_ms > 100`,
};

/** RACE_ROUNDS=500 finds rarer races. */
const ROUNDS = Array.from({ length: Number(process.env.RACE_ROUNDS ?? 3) }, (_, i) => i + 1);

const FLOODED = 1;
const OTHER = 2;

// Not SQLite: a login that waits for its only writer holds no connection.
const isServer = ({ database }: Backend): boolean => database !== 'sqlite';
const SERVER_BACKENDS = BACKENDS.filter(isServer);
const SERVERS_BY_DATABASE = BACKENDS_BY_DATABASE.filter(isServer);

describe.each(BACKENDS)('Logins in two processes at once, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(backend, { tokenLimitPerUser: 5 });
  });

  afterAll(() => race.close());

  it.each(ROUNDS)('give a user as many tokens as the limit allows (round %i)', async (round) => {
    const user = 1 + (round % USERS);
    await race.clear();
    await race.insertTokens([user], 3, Date.now() - 1);
    const answers = await repeat(24, () => race.login(user));
    expect(countByStatus(answers)).toEqual({ 200: 5, 403: 19 });
    const now = Date.now();
    const unexpired = (await race.rows(user)).filter(({ expiry }) => Number(expiry) > now);
    expect(unexpired).toHaveLength(5);
  });

  it('succeed for each of many users with expired tokens, which are deleted and reported once', async () => {
    await race.clear();
    await race.insertTokens(EVERYBODY, 3, Date.now() - 1);
    const answers = await repeat(USERS, (index) => race.login(EVERYBODY[index]!));
    expect(countByStatus(answers)).toEqual({ 200: USERS });
    await race.settle(USERS, 'knox.token.expired', 3 * USERS);
  });
});

/** Locks the user's row, so that no token can be made for the user. Gives the function that unlocks it. */
async function lockOut({ dataSource }: Race, user: number): Promise<() => Promise<void>> {
  const blocker = dataSource.createQueryRunner();
  await blocker.startTransaction();
  await blocker.query(`SELECT id FROM users WHERE id = ${String(user)} FOR UPDATE`);
  return async () => {
    await blocker.rollbackTransaction();
    await blocker.release();
  };
}

async function waiting({ dataSource }: Race, { database }: Backend): Promise<number> {
  const [{ total }] = await dataSource.query(WAITING[database as keyof typeof WAITING]);
  return Number(total);
}

describeEach(SERVER_BACKENDS, 'Logins that wait for one another, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(backend, { tokenLimitPerUser: 5 });
  });

  afterAll(() => race.close());

  it.each([1, 2])('count what was made meanwhile (round %i)', async (user) => {
    await race.insertTokens([user], 4, Date.now() + 3_600_000);
    const letIn = await lockOut(race, user);
    const logins = repeat(6, () => race.login(user));
    try {
      // One login of each process has begun; neither can see the other's token yet.
      await pollUntil(2, () => waiting(race, backend));
    } finally {
      await letIn();
    }
    expect(countByStatus(await logins)).toEqual({ 200: 1, 403: 5 });
  });
});

describeEach(SERVERS_BY_DATABASE, "A flood of one user's logins, on $name", (backend) => {
  describe.each([
    ['with a limit', 1_000],
    ['without a limit', null],
  ])('%s', (_, tokenLimitPerUser) => {
    let race: Race;

    beforeAll(async () => {
      race = await Race.start(backend, { tokenLimitPerUser });
    });

    afterAll(() => race.close());

    it('holds one connection of each process, and delays no other user', async () => {
      const token = await race.token(OTHER);
      const letIn = await lockOut(race, FLOODED);
      const flood = repeat(60, () => race.login(FLOODED));
      try {
        await pollUntil(2, () => waiting(race, backend));
        for (let round = 0; round < 10; round++) {
          expect(await race.verdicts(token)).toEqual([200, 200]);
          expect(countByStatus(await repeat(2, () => race.login(OTHER)))).toEqual({ 200: 2 });
        }
        await pollUntil(2, () => waiting(race, backend));
      } finally {
        await letIn();
      }
      expect(countByStatus(await flood)).toEqual({ 200: 60 });
    });
  });
});
