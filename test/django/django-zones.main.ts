import { once } from 'node:events';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { DjangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { ListeningToken, ListeningUser } from '../support/django-owners.ts';
import { startDjangoApp, tokenOf, type DjangoApp } from '../support/django.ts';

/** Where clocks hang: the process's time zone, and the database session's distance from UTC. */
export interface Place {
  zone: string;
  session: string;
}

export interface Travels {
  database: DataSourceOptions;
  /** Whether TypeORM is to read the tokens itself. */
  listening: boolean;
  places: Place[];
  /** When tokens are made, in epoch milliseconds. */
  instants: number[];
  ttl: number;
}

/** What became of a token that was made at one place and used at another. */
export interface Travel {
  stored: [created: string, expiry: string];
  read: string;
  listed: string;
  before: number;
  at: number;
  /** The expiry of the token that Django made for a hundred years. */
  recorded: string;
}

async function goTo({ zone, session }: Place, dataSource: DataSource): Promise<void> {
  // Node.js hears of a change while it runs.
  process.env.TZ = zone;
  const { type } = dataSource.options;
  if (type === 'postgres')
    await dataSource.query(
      `SET TIME ZONE INTERVAL '${session}' HOUR TO MINUTE; SET datestyle = 'SQL, DMY'`,
    );
  if (type === 'mariadb') await dataSource.query(`SET time_zone = '${session}'`);
}

async function travel(
  test: DjangoApp,
  now: number,
  [from, to]: [Place, Place],
  ttl: number,
): Promise<Travel> {
  Date.now = () => now;
  await goTo(from, test.dataSource);
  const jane = await test.user('jane.doe');
  const { token, authToken } = await test.tokens.create(jane, { ttl });
  await goTo(to, test.dataSource);
  const row = (await test.rows()).find(({ digest }) => digest === authToken.digest)!;
  Date.now = () => now + ttl - 1;
  const before = await test.client.get('/me', { token });
  const list = await test.tokens.list(jane);
  const listed = list.find(({ digest }) => digest === authToken.digest);
  const recorded = await test.client.get('/me', { token: tokenOf('long') });
  Date.now = () => now + ttl;
  const at = await test.client.get('/me', { token });
  return {
    stored: [row.created, row.expiry!],
    read: before.body.expiry,
    listed: listed!.expiry!.toISOString(),
    before: before.status,
    at: at.status,
    recorded: recorded.body.expiry,
  };
}

const [message] = (await once(process, 'message')) as [Travels];
const { database, listening, places, instants, ttl } = message;
process.env.TZ = places[0]!.zone;
const test = await startDjangoApp(
  { options: database, drop: () => Promise.resolve() },
  {
    // One connection, so that the session's time zone is everybody's.
    options: { poolSize: 1 },
    owner: listening ? ListeningUser : DjangoUser,
    knox: { tokenEntity: listening ? ListeningToken : DjangoAuthToken },
  },
);
const travels: Travel[] = [];
for (const [index, now] of instants.entries()) {
  const from = places[index % places.length]!;
  const to = places[(index + 1) % places.length]!;
  travels.push(await travel(test, now, [from, to], ttl));
}
await test.close();
process.send!(travels, () => process.disconnect());
