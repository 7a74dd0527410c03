// A user of very many tokens is logged out everywhere, while the same process answers the requests of others.
import { credentialsOf, type Tokens } from './credentials.ts';
import { fillTables, FULL_DATA } from './data.ts';
import { newDatabase, type DatabaseName } from './databases.ts';
import {
  CONNECTIONS,
  LoadGenerator,
  Server,
  median,
  type LoadSettings,
  type Measurement,
} from './measure.ts';
import { markdownTable } from './report.ts';
import type { LoggedOut } from './servers/knox-worker.ts';

/** How long each run of the load is, in milliseconds. */
const SLICE_MS = 500;

/** The user of many tokens; the others have ten each. */
const USER = FULL_DATA.users + 1;

export async function manyTokens(
  databases: readonly DatabaseName[],
  count: number,
  settings: LoadSettings,
): Promise<void> {
  const generator = await LoadGenerator.start();
  const rows: string[][] = [];
  for (const name of databases) rows.push(await measureOn(name, generator, count, settings));
  await generator.stop();
  const head = [
    `${count.toLocaleString('en')} tokens of one user`,
    'calls',
    'seconds',
    'tokens a second',
    'longest pause before, ms',
    'longest pause, ms',
    'p99 of others before, ms',
    'p99 of others, ms',
    'against before',
    'worst half second, ms',
  ];
  console.log(markdownTable(head, rows));
}

async function measureOn(
  name: DatabaseName,
  generator: LoadGenerator,
  count: number,
  { warmUpMs, measureMs }: LoadSettings,
): Promise<string[]> {
  const { options: database } = await newDatabase(name);
  const from = FULL_DATA.to + 1;
  const many: Tokens = { from, to: from + count - 1, firstUser: USER, users: 1 };
  await fillTables(database, FULL_DATA, many);
  const credentials = credentialsOf(FULL_DATA, 20_000);
  await generator.prepare({ name, kind: 'knox', credentials });
  const server = await Server.start('knox-worker', { adapter: 'fastify', database });
  await server.check('knox', credentials[0]);
  const run = (ms: number): Promise<Measurement> =>
    server.measure(generator, { requests: name, connections: CONNECTIONS, ms });
  await run(warmUpMs);
  const before: Measurement[] = [];
  const pauseBefore = server.worker.ask<number>('longestPause', { ms: measureMs });
  for (let ms = 0; ms < measureMs; ms += SLICE_MS) before.push(await run(SLICE_MS));

  const meanwhile: Measurement[] = [];
  const state = { over: false };
  const work = server.worker
    .ask<LoggedOut>('revokeAll', { user: USER })
    .finally(() => (state.over = true));
  // A failure is thrown by the `await` below; until then it must not count as unhandled.
  work.catch(() => {});
  while (!state.over) meanwhile.push(await run(SLICE_MS));
  const { calls, seconds, pauseMs } = await work;
  await server.stop();

  const p99 = (measurements: readonly Measurement[]): number[] =>
    measurements.map(({ p99Ms }) => p99Ms);
  const usual = median(p99(before));
  const during = median(p99(meanwhile));
  return [
    name,
    String(calls),
    seconds.toFixed(1),
    Math.round(count / seconds).toLocaleString('en'),
    (await pauseBefore).toFixed(1),
    pauseMs.toFixed(1),
    usual.toFixed(2),
    during.toFixed(2),
    `${(during / usual).toFixed(2)} ×`,
    Math.max(...p99(meanwhile)).toFixed(2),
  ];
}
