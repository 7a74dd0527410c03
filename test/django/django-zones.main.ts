import type { DataSource, DataSourceOptions } from 'typeorm';
import { DjangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { serveJob } from '../support/child-process.ts';
import { ListeningToken, ListeningUser } from '../support/django-owners.ts';
import { startDjangoApp, tokenOf, type DjangoApp } from '../support/django.ts';

/** The time zone of the process, and the offset of the database session from UTC. */
export interface ZoneSetup {
  zone: string;
  session: string;
}

export interface Job {
  database: DataSourceOptions;
  /** Whether the entities have a listener, so that TypeORM has to load them. */
  listening: boolean;
  zones: ZoneSetup[];
  /** When tokens are made, in epoch milliseconds. */
  instants: number[];
  ttl: number;
}

/** What was stored, read and answered for a token that was made in one zone and used in another. */
export interface TripResult {
  stored: [created: string, expiry: string];
  read: string;
  listed: string;
  before: number;
  at: number;
  /** The expiry of the token that Django made to live for a hundred years. */
  recorded: string;
}

async function applyZone({ zone, session }: ZoneSetup, dataSource: DataSource): Promise<void> {
  // Node.js applies a change of TZ while it runs.
  process.env.TZ = zone;
  const { type } = dataSource.options;
  if (type === 'postgres')
    await dataSource.query(
      `SET TIME ZONE INTERVAL '${session}' HOUR TO MINUTE; SET datestyle = 'SQL, DMY'`,
    );
  if (type === 'mariadb') await dataSource.query(`SET time_zone = '${session}'`);
}

async function makeTrip(
  test: DjangoApp,
  now: number,
  [from, to]: [ZoneSetup, ZoneSetup],
  ttl: number,
): Promise<TripResult> {
  Date.now = () => now;
  await applyZone(from, test.dataSource);
  const jane = await test.user('jane.doe');
  const { token, authToken } = await test.tokens.create(jane, { ttl });
  await applyZone(to, test.dataSource);
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

await serveJob(async ({ database, listening, zones, instants, ttl }: Job) => {
  process.env.TZ = zones[0]!.zone;
  const test = await startDjangoApp(
    { options: database, drop: () => Promise.resolve() },
    {
      // One connection, so that all statements run in the session whose time zone is set.
      options: { poolSize: 1 },
      owner: listening ? ListeningUser : DjangoUser,
      knox: { tokenEntity: listening ? ListeningToken : DjangoAuthToken },
    },
  );
  const results: TripResult[] = [];
  for (const [index, now] of instants.entries()) {
    const from = zones[index % zones.length]!;
    const to = zones[(index + 1) % zones.length]!;
    results.push(await makeTrip(test, now, [from, to], ttl));
  }
  await test.close();
  return results;
});
