import { once } from 'node:events';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { MeController } from '../support/app.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';

/** Where clocks hang: the process's time zone, and how far the database's session is from UTC. */
export interface Place {
  zone: string;
  sessionHours: number;
}

/** A token that is made at one place and used at another. */
export interface Journey {
  /** When it is made, in epoch milliseconds. */
  now: number;
  from: Place;
  to: Place;
}

export interface Journeys {
  database: DataSourceOptions;
  /** How long a token lives, in milliseconds. */
  ttl: number;
  journeys: Journey[];
}

export interface Arrival {
  /** What the clocks say at both places when the token is made. */
  localTimes: [from: string, to: string];
  /** What the login's answer says. */
  expiry: string;
  /** What the table holds. */
  stored: number;
  /** 1 ms before its expiry: the status, and the expiry that is read there. */
  before: [status: number, expiry: string];
  /** At its expiry: the status and the code. */
  at: [status: number, code: string];
}

async function goTo({ zone, sessionHours }: Place, dataSource: DataSource): Promise<string> {
  // Node.js hears of a change while it runs.
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

async function travel(test: OwnerApp<AuthToken>, ttl: number, journey: Journey): Promise<Arrival> {
  const { now, from, to } = journey;
  const { client, dataSource } = test;
  Date.now = () => now;
  const departure = await goTo(from, dataSource);
  const login = await client.post('/auth/login', { body: { username: 'john', password: 'any' } });
  const { token, expiry } = login.body;
  const [row] = await dataSource.query('SELECT expiry FROM knox_auth_token');
  const arrival = await goTo(to, dataSource);
  Date.now = () => now + ttl - 1;
  const before = await client.get('/me', { token });
  Date.now = () => now + ttl;
  const at = await client.get('/me', { token });
  return {
    localTimes: [departure, arrival],
    expiry,
    stored: Number(row.expiry),
    before: [before.status, before.body.expiry],
    at: [at.status, at.body.code],
  };
}

const [message] = (await once(process, 'message')) as [Journeys];
const test = await startOwnerApp({
  // One connection, so that the session's time zone is everybody's.
  dataSource: { ...message.database, poolSize: 1, entities: [User, AuthToken] } as never,
  owner: User,
  knox: { tokenTtl: message.ttl },
  controllers: [MeController],
});
const users = test.dataSource.getRepository(User);
await users.save(users.create({ username: 'john', password: 'any', isActive: true }));
const arrivals: Arrival[] = [];
for (const journey of message.journeys) arrivals.push(await travel(test, message.ttl, journey));
await test.close();
process.send!(arrivals, () => process.disconnect());
