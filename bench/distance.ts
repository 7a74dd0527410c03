// The database is not on this machine: a proxy delays what the application and the database send each other.
import { DataSource, type DataSourceOptions } from 'typeorm';
import { credentialsOf, type Tokens } from './credentials.ts';
import { prepareDatabase, type DatabaseName } from './databases.ts';
import type { Distance } from './delaying-proxy.ts';
import {
  LoadGenerator,
  Server,
  measureInTurns,
  median,
  medianOf,
  ratiosOf,
  type AdapterName,
  type Entry,
  type LoadSettings,
  type Measurement,
} from './measure.ts';
import { chartOf, type Panel } from './chart.ts';
import { ADAPTER_NAMES, DATABASE_NAMES, judge, markdownTable, roundedOf } from './report.ts';
import type { Result } from './result.ts';
import { LOAD_CORE, WorkerProcess } from './rpc.ts';

/** Round trips, in milliseconds. */
const DISTANCES = [0, 1, 5];
const CLIENTS = [32, 128, 512];

const JWT = 'the leanest JWT guard';

interface Row extends Entry {
  /** How much longer than by the proxy alone the way to the database and back is, in milliseconds; null: without the proxy. */
  readonly distance: number | null;
  readonly connections: number;
}

interface Place {
  readonly adapter: AdapterName;
  readonly database: DatabaseName;
}

interface MeasuredRow extends Row {
  /** One a round. */
  readonly measurements: readonly Measurement[];
  /** Their medians. */
  readonly figures: Measurement;
}

export async function distance(
  databases: readonly DatabaseName[],
  adapters: readonly AdapterName[],
  data: Tokens,
  settings: LoadSettings,
): Promise<Result> {
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(data);
  await generator.prepare({ name: 'knox', kind: 'knox', credentials });
  await generator.prepare({ name: 'jwt', kind: 'jwt', credentials });
  const proxy = await WorkerProcess.start('delaying-proxy.js', { core: LOAD_CORE });
  const tables: string[] = [];
  const figures: object[] = [];
  const panels: Panel[] = [];
  for (const name of databases) {
    const { options, databaseServer } = await prepareDatabase(name, data);
    const routes: { label: string; distance: number | null; database: DataSourceOptions }[] = [
      { label: 'no proxy', distance: null, database: options },
    ];
    for (const roundTripMs of DISTANCES) {
      const { port } = options as { readonly port: number };
      const question: Distance = { port, roundTripMs };
      const database = { ...options, port: await proxy.ask<number>('open', question) };
      const label = `${roundTripMs} ms`;
      routes.push({ label, distance: roundTripMs, database });
    }
    const roundTrips = await measureRoundTrips(routes);
    tables.push(roundTripTable(name, roundTrips));
    for (const adapter of adapters) {
      const rows: Row[] = [];
      const add = (label: string, distance: number | null, server: Server, requests: string) => {
        for (const connections of CLIENTS) {
          rows.push({ label, distance, server, requests, connections });
        }
      };
      const jwt = await Server.start('jwt-minimal', { adapter, database: null });
      await jwt.check('jwt', credentials[0]);
      add(JWT, null, jwt, 'jwt');
      for (const { label, distance, database } of routes) {
        const server = await Server.start('knox', { adapter, database, databaseServer });
        await server.check('knox', credentials[0]);
        const more = roundTrips.get(label)! - roundTrips.get('0 ms')!;
        add(label, distance && more, server, 'knox');
      }
      const results = (await measureInTurns(generator, rows, settings)).map((row) => ({
        ...row,
        figures: medianOf(row.measurements),
      }));
      const title = `${ADAPTER_NAMES[adapter]}, ${DATABASE_NAMES[name]}`;
      tables.push(rowTable(title, results), goalTable(title, results));
      figures.push(...figuresOf({ adapter, database: name }, results));
      panels.push(panelOf(title, results));
    }
  }
  await proxy.stop();
  await generator.stop();
  const picture = chartOf({
    panels,
    columns: 2,
    label: 'Requests per second by the distance of the database',
    caption: 'requests per second, one core, by the time to the database and back',
  });
  return { text: tables.join('\n\n'), figures, picture };
}

/** The same load without a distance. */
function localOf({ connections }: Row, results: readonly MeasuredRow[]): MeasuredRow {
  return results.find((other) => other.distance === 0 && other.connections === connections)!;
}

/** Of the requests per second with and without the distance, round by round. */
function throughputRatio(row: MeasuredRow, results: readonly MeasuredRow[]): number {
  const { measurements } = localOf(row, results);
  return median(ratiosOf(row.measurements, measurements, 'rps'));
}

function rowTable(title: string, results: readonly MeasuredRow[]): string {
  const rows = results.map((row) => {
    const { label, connections, figures } = row;
    return [
      label,
      String(connections),
      Math.round(figures.rps).toLocaleString('en'),
      `${throughputRatio(row, results).toFixed(2)} ×`,
      figures.p50Ms.toFixed(2),
      figures.p99Ms.toFixed(2),
      figures.cpuMsPerRequest.toFixed(4),
      figures.statementsPerRequest.toFixed(3),
    ];
  });
  const head = ['clients', 'requests/s', 'against 0 ms', 'p50 ms', 'p99 ms', 'CPU ms/request'];
  return markdownTable([title, ...head, 'statements/request'], rows);
}

function goalTable(title: string, results: readonly MeasuredRow[]): string {
  const goals = results.flatMap((row) => {
    const { label, distance, connections, figures } = row;
    if (!distance) return [];
    const of = `${label}, ${connections} clients`;
    const atMost = Number((distance + 1.2 * localOf(row, results).figures.p50Ms).toFixed(2));
    const latency = [`${of}: p50`, ...judge(figures.p50Ms, ' ms', { atMost })];
    if (label !== '1 ms' || connections !== Math.max(...CLIENTS)) return [latency];
    const throughput = judge(throughputRatio(row, results), ' ×', { atLeast: 0.95 });
    return [latency, [`${of}: requests/s against 0 ms`, ...throughput]];
  });
  return markdownTable([title, 'measured', 'target', ''], goals);
}

function figuresOf(place: Place, results: readonly MeasuredRow[]): object[] {
  return results.map(({ label, connections, figures }) => {
    const { rps, p50Ms, p99Ms, cpuMsPerRequest, statementsPerRequest } = figures;
    const rounded = roundedOf({ rps, p50Ms, p99Ms, cpuMsPerRequest, statementsPerRequest });
    return { ...place, label, clients: connections, ...rounded };
  });
}

function panelOf(title: string, results: readonly MeasuredRow[]): Panel {
  return {
    title,
    groups: CLIENTS.map((clients) => ({
      title: `${clients} clients`,
      bars: results
        .filter(({ connections }) => connections === clients)
        .map(({ label, figures }) => ({
          label: label === JWT ? 'lean JWT guard' : label,
          value: figures.rps,
          text: Math.round(figures.rps).toLocaleString('en'),
          isOurs: label !== JWT,
        })),
    })),
  };
}

/** How long `SELECT 1` takes on each route, by its label: what the distance is in fact, and what the proxy itself adds. */
async function measureRoundTrips(
  routes: readonly { label: string; database: DataSourceOptions }[],
): Promise<Map<string, number>> {
  const roundTrips = new Map<string, number>();
  for (const { label, database } of routes) {
    const dataSource = await new DataSource(database).initialize();
    const times: number[] = [];
    for (let asked = 0; asked < 300; asked += 1) {
      const start = performance.now();
      await dataSource.query('SELECT 1');
      times.push(performance.now() - start);
    }
    await dataSource.destroy();
    roundTrips.set(label, median(times.slice(100)));
  }
  return roundTrips;
}

function roundTripTable(name: DatabaseName, roundTrips: ReadonlyMap<string, number>): string {
  const rows = [...roundTrips].map(([label, ms]) => [label, ms.toFixed(2)]);
  return markdownTable([`SELECT 1, ${DATABASE_NAMES[name]}`, 'p50 ms'], rows);
}
