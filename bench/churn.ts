// What logins and logouts do to a table of many tokens, and what that does to lookups: PostgreSQL, Fastify.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSourceOptions } from 'typeorm';
import { credentialsOf, type Credential, type Tokens } from './credentials.ts';
import { fillTables, SMOKE_DATA, withSchema } from './data.ts';
import { startPostgres, type DatabaseServer } from './database-servers.ts';
import {
  LoadGenerator,
  measureInTurns,
  medianOf,
  Server,
  type Entry,
  type LoadSettings,
  type Measurement,
} from './measure.ts';
import { chartOf, type Panel } from './chart.ts';
import { pruneMeanwhile } from './pruning.ts';
import { markdownTable, roundedOf } from './report.ts';
import type { Result } from './result.ts';
import type { Churn } from './servers/knox-worker.ts';

/** The table is made of so many parts. Each begins with good tokens and ends with expired ones. */
const PARTS = 10;
const GOOD = 0.9;

const MOST_USERS = 100_000;

/** How many distinct tokens a run asks for, at most. */
const ASKED = 20_000;

/** One in so many good tokens is logged out, and one that is no such is asked for. */
const LOGGED_OUT_EACH = 9;
const ASKED_EACH = 90;

/** How much more CPU than with a thousand tokens a lookup may take. */
const AT_MOST = 1.15;

const MEBIBYTE = 2 ** 20;

const INDEXES = ['digest', 'token_key', 'expiry', 'user_id'] as const;

interface State {
  readonly label: string;
  readonly small: Measurement;
  readonly large: Measurement;
  readonly table: TableState;
}

interface TableState {
  readonly rows: number;
  readonly dead: number;
  readonly autovacuums: number;
  readonly tableMiB: number;
  readonly indexMiB: Readonly<Record<(typeof INDEXES)[number], number>>;
}

export async function churn(count: number, settings: LoadSettings): Promise<Result> {
  const postgres = await startPostgres();
  const generator = await LoadGenerator.start();
  const users = Math.min(MOST_USERS, count / 10);
  const parts = Array.from({ length: PARTS }, (_, part) => partOf(part, count / PARTS, users));
  const good = parts.map((part) => part.good);
  const small = await postgres.create('small');
  await fillTables(small, SMOKE_DATA);
  const large = await postgres.create('large');
  const start = performance.now();
  await fillTables(large, ...parts.flatMap((part) => [part.good, part.expired]));
  report('filled', start);

  const asked = good.flatMap((tokens) => credentialsOf(tokens, askedOf(tokens)));
  const states: State[] = [];
  const measure = async (label: string): Promise<void> => {
    const entries = [
      await startEntry(generator, postgres, small, credentialsOf(SMOKE_DATA)),
      await startEntry(generator, postgres, large, asked as [Credential, ...Credential[]]),
    ];
    const [one, other] = await measureInTurns(generator, entries, settings);
    const table = await stateOf(large);
    states.push({
      label,
      small: medianOf(one!.measurements),
      large: medianOf(other!.measurements),
      table,
    });
  };
  await measure('at first');
  const numbers = good.flatMap(loggedOutOf);
  await logInAndOut(large, { numbers: shuffled(numbers), users });
  const written = (2 * numbers.length).toLocaleString('en');
  await measure(`after ${written} logins and logouts`);
  const vacuum = performance.now();
  await withSchema(large, (dataSource) => dataSource.query('VACUUM knox_auth_token'));
  report('VACUUM', vacuum);
  await measure('after VACUUM');
  const pruning = await pruneMeanwhile(
    large,
    generator,
    settings,
    asked as [Credential, ...Credential[]],
    parts.at(-1)!.expired,
  );
  const pruned = { label: 'after deleteExpired', table: await stateOf(large) };
  await generator.stop();
  const tables = [lookupTable(count, states), sizeTable(count, [...states, pruned]), pruning];
  return {
    text: tables.join('\n\n'),
    figures: [...states.map(figuresOf), pruned],
    picture: pictureOf(count, states),
  };
}

function partOf(
  part: number,
  size: number,
  users: number,
): { readonly good: Tokens; readonly expired: Tokens } {
  const from = 1 + part * size;
  const border = from + Math.floor(size * GOOD);
  const owners = { firstUser: 1, users };
  return {
    good: { from, to: border - 1, ...owners },
    expired: { from: border, to: from + size - 1, ...owners, expired: true },
  };
}

function askedOf({ from, to }: Tokens): number {
  return Math.min(ASKED / PARTS, Math.floor((to - from + 1) / ASKED_EACH));
}

/** The first of every so many is asked for: these are none of them. */
function loggedOutOf({ from, to }: Tokens): number[] {
  const numbers: number[] = [];
  for (
    let number = from + Math.floor(LOGGED_OUT_EACH / 2);
    number <= to;
    number += LOGGED_OUT_EACH
  ) {
    numbers.push(number);
  }
  return numbers;
}

/** In an order that is the same in each run. */
function shuffled(numbers: readonly number[]): number[] {
  const PRIME = 7_919;
  return numbers.map((_, index) => numbers[(index * PRIME) % numbers.length]!);
}

async function logInAndOut(database: DataSourceOptions, terms: Churn): Promise<void> {
  const start = performance.now();
  const worker = await Server.start('knox-worker', { adapter: 'fastify', database });
  await worker.worker.ask('churn', terms);
  await worker.stop();
  report(`${terms.numbers.length.toLocaleString('en')} logins, and as many logouts`, start);
}

async function startEntry(
  generator: LoadGenerator,
  databaseServer: DatabaseServer,
  database: DataSourceOptions,
  credentials: readonly [Credential, ...Credential[]],
): Promise<Entry> {
  const requests = database.database as string;
  await generator.prepare({ name: requests, kind: 'knox', credentials });
  const server = await Server.start('knox', { adapter: 'fastify', database, databaseServer });
  await server.check('knox', credentials[0]);
  return { label: requests, server, requests };
}

/** The statistics of PostgreSQL come a second late. */
async function stateOf(database: DataSourceOptions): Promise<TableState> {
  await sleep(2_000);
  return withSchema(database, async (dataSource) => {
    const [{ rows, dead, autovacuums, bytes }] = await dataSource.query(
      `SELECT (SELECT count(*) FROM knox_auth_token) AS rows, n_dead_tup AS dead,
              autovacuum_count AS autovacuums, pg_relation_size(relid) AS bytes
       FROM pg_stat_user_tables WHERE relname = 'knox_auth_token'`,
    );
    const sizes: { column: string; bytes: string }[] = await dataSource.query(
      `SELECT a.attname AS column, pg_relation_size(i.indexrelid) AS bytes
       FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid
       WHERE i.indrelid = 'knox_auth_token'::regclass`,
    );
    return {
      rows: Number(rows),
      dead: Number(dead),
      autovacuums: Number(autovacuums),
      tableMiB: Number(bytes) / MEBIBYTE,
      indexMiB: Object.fromEntries(
        INDEXES.map((name) => {
          const index = sizes.find(({ column }) => column === name)!;
          return [name, Number(index.bytes) / MEBIBYTE];
        }),
      ) as TableState['indexMiB'],
    };
  });
}

function lookupTable(count: number, states: readonly State[]): string {
  const rows = states.map(({ label, small, large }) => {
    const [cpu, databaseCpu] = [
      large.cpuMsPerRequest / small.cpuMsPerRequest,
      large.databaseCpuMs / small.databaseCpuMs,
    ];
    const sum = (one: Measurement): number => one.cpuMsPerRequest + one.databaseCpuMs;
    const both = sum(large) / sum(small);
    return [
      label,
      small.cpuMsPerRequest.toFixed(4),
      large.cpuMsPerRequest.toFixed(4),
      `${cpu.toFixed(2)} ×`,
      small.databaseCpuMs.toFixed(4),
      large.databaseCpuMs.toFixed(4),
      `${databaseCpu.toFixed(2)} ×`,
      `${both.toFixed(2)} ×`,
      both <= AT_MOST ? 'met' : 'missed',
    ];
  });
  const small = SMOKE_DATA.to.toLocaleString('en');
  const head = [
    `${count.toLocaleString('en')} tokens`,
    `CPU ms/request with ${small}`,
    'with all',
    'ratio',
    `CPU of PostgreSQL with ${small}`,
    'with all',
    'ratio',
    'ratio of both',
    `target: at most ${AT_MOST} ×`,
  ];
  return markdownTable(head, rows);
}

function figuresOf({ label, small, large, table }: State): object {
  const of = ({ cpuMsPerRequest, databaseCpuMs }: Measurement): object =>
    roundedOf({ cpuMsPerRequest, databaseCpuMs });
  return { label, small: of(small), large: of(large), table };
}

function pictureOf(count: number, states: readonly State[]): string {
  const panelOf = (title: string, figure: 'cpuMsPerRequest' | 'databaseCpuMs'): Panel => {
    const barOf = (tokens: number, measured: Measurement, isOurs: boolean) => ({
      label: `${tokens.toLocaleString('en')} tokens`,
      value: measured[figure],
      text: (1000 * measured[figure]).toFixed(1),
      isOurs,
    });
    const groups = states.map(({ label, small, large }) => ({
      title: label,
      bars: [barOf(SMOKE_DATA.to, small, false), barOf(count, large, true)],
    }));
    return { title, groups };
  };
  return chartOf({
    panels: [panelOf('the application', 'cpuMsPerRequest'), panelOf('PostgreSQL', 'databaseCpuMs')],
    columns: 2,
    label: 'CPU time of a request by the number of tokens',
    caption: 'CPU time of a request, in microseconds',
  });
}

function sizeTable(
  count: number,
  states: readonly { readonly label: string; readonly table: TableState }[],
): string {
  const head = [
    `${count.toLocaleString('en')} tokens`,
    'rows',
    'dead rows',
    'runs of autovacuum',
    'table, MiB',
    ...INDEXES.map((name) => `index on ${name}, MiB`),
  ];
  const rows = states.map(({ label, table }) => [
    label,
    table.rows.toLocaleString('en'),
    table.dead.toLocaleString('en'),
    String(table.autovacuums),
    table.tableMiB.toFixed(0),
    ...INDEXES.map((name) => table.indexMiB[name].toFixed(0)),
  ]);
  return markdownTable(head, rows);
}

function report(what: string, start: number): void {
  const seconds = (performance.now() - start) / 1000;
  process.stderr.write(`${what}: ${seconds.toFixed(0)} s\n`);
}
