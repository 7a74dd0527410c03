import type { DataSource, DataSourceOptions } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { MeController } from '../support/app.ts';
import { serveJob } from '../support/child-process.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';

/** The time zone of the process, and the offset of the database session from UTC. */
export interface ZoneSetup {
  zone: string;
  sessionHours: number;
}

/** A token that is made in one time zone and used in another. */
export interface TokenTrip {
  /** When the token is made, in epoch milliseconds. */
  now: number;
  from: ZoneSetup;
  to: ZoneSetup;
}

export interface Job {
  database: DataSourceOptions;
  /** How long a token lives, in milliseconds. */
  ttl: number;
  trips: TokenTrip[];
}

export interface TripResult {
  /** The local time in both zones when the token is made. */
  localTimes: [from: string, to: string];
  /** The expiry in the login's answer. */
  expiry: string;
  /** The expiry in the table. */
  stored: number;
  /** The answer 1 ms before the expiry: its status, and the expiry in it. */
  before: [status: number, expiry: string];
  /** The answer at the expiry: its status and its code. */
  at: [status: number, code: string];
}

async function applyZone(
  { zone, sessionHours }: ZoneSetup,
  dataSource: DataSource,
): Promise<string> {
  // Node.js applies a change of TZ while it runs.
  process.env.TZ = zone;
  const { type } = dataSource.options;
  if (type === 'postgres') await dataSource.query(`SET TIME ZONE ${String(sessionHours)}`);
  if (type === 'mariadb') {
    const sign = sessionHours < 0 ? '' : '+';
    await dataSource.query(`SET time_zone = '${sign}${String(sessionHours)}:00'`);
  }
  const date = new Date(Date.now());
  return `${date.toDateString()} ${date.toTimeString().slice(0, 8)}`;
}

async function makeTrip(
  test: OwnerApp<AuthToken>,
  ttl: number,
  trip: TokenTrip,
): Promise<TripResult> {
  const { now, from, to } = trip;
  const { client, dataSource } = test;
  Date.now = () => now;
  const fromTime = await applyZone(from, dataSource);
  const login = await client.post('/auth/login', { body: { username: 'john', password: 'any' } });
  const { token, expiry } = login.body;
  const [row] = await dataSource.query('SELECT expiry FROM knox_auth_token');
  const toTime = await applyZone(to, dataSource);
  Date.now = () => now + ttl - 1;
  const before = await client.get('/me', { token });
  Date.now = () => now + ttl;
  const at = await client.get('/me', { token });
  return {
    localTimes: [fromTime, toTime],
    expiry,
    stored: Number(row.expiry),
    before: [before.status, before.body.expiry],
    at: [at.status, at.body.code],
  };
}

await serveJob(async ({ database, ttl, trips }: Job) => {
  const test = await startOwnerApp({
    // One connection, so that all statements run in the session whose time zone is set.
    dataSource: { ...database, poolSize: 1, entities: [User, AuthToken] } as never,
    owner: User,
    knox: { tokenTtl: ttl },
    controllers: [MeController],
  });
  const users = test.dataSource.getRepository(User);
  await users.save(users.create({ username: 'john', password: 'any', isActive: true }));
  const results: TripResult[] = [];
  for (const trip of trips) results.push(await makeTrip(test, ttl, trip));
  await test.close();
  return results;
});
