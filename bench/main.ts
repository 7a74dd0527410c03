import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { installBefore } from './before.ts';
import { churn } from './churn.ts';
import {
  ALL_GUARDS,
  compare,
  GUARDS,
  SMOKE_GUARDS,
  type Candidate,
  type GuardName,
  type Plan,
} from './compare.ts';
import { connections } from './connections.ts';
import { FULL_DATA, QUICK_DATA, SMOKE_DATA } from './data.ts';
import { stopDatabases } from './database-servers.ts';
import { DATABASES } from './databases.ts';
import { distance } from './distance.ts';
import { live } from './live.ts';
import { ADAPTERS, type LoadSettings } from './measure.ts';
import { memory } from './memory.ts';
import { manyTokens } from './many-tokens.ts';
import { processes } from './processes.ts';
import { profile, PROFILED } from './profile.ts';
import {
  beforeTable,
  figuresOf,
  machine,
  outcomeChart,
  outcomeTable,
  ratioTable,
} from './report.ts';
import { jsonOf, writeResult, type Result } from './result.ts';
import { PINNED } from './rpc.ts';
import { singleConnection } from './single-connection.ts';
import { tableSize } from './table-size.ts';
import { usedUpPool } from './used-up-pool.ts';

const HELP = `npm run bench [-- PART] [options]

Parts; default: compare
  compare             the guards side by side
  table-size          many tokens, a user with many, logins, deleteExpired
  churn               ten million tokens, and a million logins and logouts on top
  single-connection   one connection, against a direct query
  connections         values of the option \`connections\`, at 32, 128 and 512 clients
  distance            a network of 0, 1 and 5 ms before the database, at 32, 128 and 512 clients
  many-tokens         a user of a million tokens is logged out everywhere while others send requests
  processes           1 to 8 application processes on one PostgreSQL, straight and through PgBouncer
  memory              what is left of hostile tokens, logins and live sockets
  used-up-pool        requests, logins and logouts while the application uses all of its connections
  live                what watched tokens cost, and when their connections are closed
  profile             where the CPU time goes: --guard knox, knox-sessions, floor or jwt-minimal, --adapter, --database

Options
  --quick             shorter runs, so less exact
  --tokens NUMBER     churn: how many; a multiple of 10,000
  --smoke             churn, compare, connections, distance, memory, processes: runs of a second, to prove that they run
  --json FILE         churn, compare, distance, processes: writes the figures
  --against PATH      compare: our rows only, each also on the package that the checkout at PATH has built
  --guard NAME        compare: ${GUARDS.join(', ')}
  --adapter NAME      compare, connections, distance: ${ADAPTERS.join(', ')}
  --database NAME     compare, connections, distance, live, many-tokens: ${DATABASES.join(', ')}
  --help

--guard, --adapter and --database may be repeated; default: all, with --against the guard knox, for connections
Fastify on postgres and mariadb, for distance postgres and mariadb, for live postgres. Without --quick, --smoke, --tokens and these, churn, compare,
distance and processes write to bench/README.md, and to a JSON file and a picture beside it.`;

/** When the measurements of `--quick` should end, in milliseconds after the start of `npm run bench`. */
const QUICK_MS = 90_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    against: { type: 'string' },
    guard: { type: 'string', multiple: true },
    adapter: { type: 'string', multiple: true },
    database: { type: 'string', multiple: true },
    tokens: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const guards = namesOf('guard', GUARDS);
const adapters = namesOf('adapter', ADAPTERS);
const databases = namesOf('database', DATABASES);
const [part = 'compare'] = positionals;
const parts: Readonly<Record<string, () => Promise<Result> | Promise<void>>> = {
  compare: comparison,
  'table-size': () => tableSize(values.quick),
  churn: () =>
    churn(
      Number(values.tokens ?? (values.smoke ? 10_000 : values.quick ? 1_000_000 : 10_000_000)),
      settingsOf({ rounds: 5, warmUpMs: 3000, measureMs: 3000 }),
    ),
  'single-connection': () => singleConnection(values.quick),
  connections: () =>
    connections(
      databases ?? ['postgres', 'mariadb'],
      adapters ?? ['fastify'],
      values.smoke ? SMOKE_DATA : FULL_DATA,
      settingsOf({ rounds: 5, warmUpMs: 2000, measureMs: 2000 }),
    ),
  distance: () =>
    distance(
      databases ?? ['postgres', 'mariadb'],
      adapters ?? ADAPTERS,
      values.smoke ? SMOKE_DATA : FULL_DATA,
      settingsOf({ rounds: 5, warmUpMs: 1000, measureMs: 1500 }),
    ),
  'many-tokens': () =>
    manyTokens(
      databases ?? DATABASES,
      values.quick ? 100_000 : 1_000_000,
      settingsOf({ rounds: 1, warmUpMs: 3000, measureMs: 5000 }),
    ),
  processes: () =>
    processes(
      values.smoke ? SMOKE_DATA : FULL_DATA,
      settingsOf({ rounds: 3, warmUpMs: 1000, measureMs: 2000 }),
    ),
  memory: () => {
    const part = values.smoke ? 0.002 : values.quick ? 0.1 : 1;
    return memory({ hostile: 1_000_000 * part, owners: 100_000 * part, sockets: 10_000 * part });
  },
  'used-up-pool': () => usedUpPool(values.quick),
  live: () => live(databases ?? ['postgres'], values.quick),
  profile: () =>
    profile(
      namesOf('guard', Object.keys(PROFILED) as (keyof typeof PROFILED)[])?.[0] ?? 'knox',
      adapters ?? ADAPTERS,
      databases?.[0] ?? 'postgres',
      values.quick,
    ),
};
const run = parts[part];
if (!run) throw new Error(`No such part: ${part}. There are ${Object.keys(parts).join(', ')}.`);

if (values.help) {
  console.log(HELP);
} else {
  console.log(`${machine()}${PINNED ? '' : '; taskset is missing: nothing is pinned to a core'}\n`);
  try {
    const result = await run();
    if (result) publish(result);
  } finally {
    await stopDatabases();
  }
}
// Without this, connections that fetch keeps alive would delay the end of the process.
process.exit();

async function comparison(): Promise<Result> {
  const before = values.against === undefined ? null : installBefore(values.against);
  const { outcomes, versions } = await compare(planOf());
  const tables = [versions.join(', '), outcomeTable(outcomes), ratioTable(outcomes)];
  if (before !== null) tables.push(`Before: ${before}`, beforeTable(outcomes));
  return {
    text: tables.filter((table) => table !== '').join('\n\n'),
    figures: figuresOf(outcomes),
    picture: outcomeChart(outcomes),
  };
}

/** A run in full is written to the files that are committed. */
function publish(result: Result): void {
  console.log(result.text);
  if (values.json !== undefined) writeFileSync(values.json, jsonOf(result));
  const { quick, smoke, against, tokens } = values;
  const isPartial = [against, tokens, guards, adapters, databases].some((given) => given != null);
  if (quick || smoke || isPartial) return;
  writeResult(part === 'compare' ? 'results' : part, result);
}

function planOf(): Plan {
  const candidates = candidatesOf();
  if (values.against !== undefined) {
    // Many short rounds: the closer two runs are in time, the less the machine disturbs their ratio.
    const settings = settingsOf({ rounds: 21, warmUpMs: 5000, measureMs: 2000 });
    return { candidates, data: values.smoke ? SMOKE_DATA : FULL_DATA, ...settings };
  }
  const settings = settingsOf({ rounds: 7, warmUpMs: 5000, measureMs: 4000 });
  if (values.smoke) return { candidates, data: SMOKE_DATA, ...settings };
  if (!values.quick) return { candidates, data: FULL_DATA, ...settings };
  const deadline = Number(process.env.BENCH_STARTED ?? Date.now()) + QUICK_MS;
  return { candidates, data: QUICK_DATA, ...settings, deadline };
}

function candidatesOf(): Candidate[] {
  const usual: readonly GuardName[] = values.against === undefined ? GUARDS : ['knox'];
  const all = values.smoke && !guards && !values.against ? SMOKE_GUARDS : ALL_GUARDS;
  const chosen = all.filter(
    ({ guard, adapter, database }) =>
      (guards ?? usual).includes(guard) &&
      (adapters ?? ADAPTERS).includes(adapter) &&
      (database === null || (databases ?? DATABASES).includes(database)),
  );
  if (values.against === undefined) return chosen;
  return chosen.flatMap((candidate) => [candidate, { ...candidate, build: 'before' }]);
}

function settingsOf(full: LoadSettings): LoadSettings {
  if (values.smoke) return { rounds: 1, warmUpMs: 300, measureMs: 1000 };
  return values.quick ? { rounds: 3, warmUpMs: 1000, measureMs: 1000 } : full;
}

/** The names that were given with this option; undefined if it was not given. */
function namesOf<Name extends string>(
  option: 'guard' | 'adapter' | 'database',
  known: readonly Name[],
): Name[] | undefined {
  return values[option]?.map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new Error(`--${option}: ${name} is none of ${known.join(', ')}`);
    return found;
  });
}
