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
  type AdapterName,
  type Entry,
  type LoadSettings,
  type Measurement,
} from './measure.ts';
import { ADAPTER_NAMES, DATABASE_NAMES, judge, markdownTable } from './report.ts';
import { LOAD_CORE, WorkerProcess } from './rpc.ts';

/** Round trips, in milliseconds. */
const DISTANCES = [0, 1, 5];
const CLIENTS = [32, 128, 512];

interface Row extends Entry {
  /** Null: without the proxy. */
  readonly distance: number | null;
  readonly connections: number;
}

type Result = Row & { readonly figures: Measurement };

export async function distance(
  databases: readonly DatabaseName[],
  adapters: readonly AdapterName[],
  data: Tokens,
  settings: LoadSettings,
): Promise<void> {
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(data);
  await generator.prepare({ name: 'knox', kind: 'knox', credentials });
  await generator.prepare({ name: 'jwt', kind: 'jwt', credentials });
  const proxy = await WorkerProcess.start('delaying-proxy.js', { core: LOAD_CORE });
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
    await showRoundTrips(name, routes);
    for (const adapter of adapters) {
      const rows: Row[] = [];
      const add = (label: string, distance: number | null, server: Server, requests: string) => {
        for (const connections of CLIENTS) {
          rows.push({ label, distance, server, requests, connections });
        }
      };
      const jwt = await Server.start('jwt-minimal', { adapter, database: null });
      await jwt.check('jwt', credentials[0]);
      add('the leanest JWT guard', null, jwt, 'jwt');
      for (const { label, distance, database } of routes) {
        const server = await Server.start('knox', { adapter, database, databaseServer });
        await server.check('knox', credentials[0]);
        add(label, distance, server, 'knox');
      }
      const results = (await measureInTurns(generator, rows, settings)).map((row) => ({
        ...row,
        figures: medianOf(row.measurements),
      }));
      show(`${ADAPTER_NAMES[adapter]}, ${DATABASE_NAMES[name]}`, results);
    }
  }
  await proxy.stop();
  await generator.stop();
}

function show(title: string, results: readonly Result[]): void {
  const local = ({ connections }: Row): Measurement =>
    results.find((other) => other.distance === 0 && other.connections === connections)!.figures;
  const rows = results.map((row) => {
    const { label, connections, figures } = row;
    return [
      label,
      String(connections),
      Math.round(figures.rps).toLocaleString('en'),
      `${(figures.rps / local(row).rps).toFixed(2)} ×`,
      figures.p50Ms.toFixed(2),
      figures.p99Ms.toFixed(2),
      figures.cpuMsPerRequest.toFixed(4),
      figures.statementsPerRequest.toFixed(3),
    ];
  });
  const head = ['clients', 'requests/s', 'against 0 ms', 'p50 ms', 'p99 ms', 'CPU ms/request'];
  console.log(`${markdownTable([title, ...head, 'statements/request'], rows)}\n`);

  const goals = results.flatMap((row) => {
    const { distance, connections, figures } = row;
    if (!distance) return [];
    const of = `${distance} ms, ${connections} clients`;
    const atMost = Number((distance + 1.2 * local(row).p50Ms).toFixed(2));
    const latency = [`${of}: p50`, ...judge(figures.p50Ms, ' ms', { atMost })];
    if (distance !== 1 || connections !== Math.max(...CLIENTS)) return [latency];
    const ratio = figures.rps / local(row).rps;
    const throughput = judge(ratio, ' ×', { atLeast: 0.95 });
    return [latency, [`${of}: requests/s against 0 ms`, ...throughput]];
  });
  console.log(`${markdownTable([title, 'measured', 'target', ''], goals)}\n`);
}

/** What the distances are in fact, and what the proxy itself adds. */
async function showRoundTrips(
  name: DatabaseName,
  routes: readonly { label: string; database: DataSourceOptions }[],
): Promise<void> {
  const rows: string[][] = [];
  for (const { label, database } of routes) {
    const dataSource = await new DataSource(database).initialize();
    const times: number[] = [];
    for (let asked = 0; asked < 300; asked += 1) {
      const start = performance.now();
      await dataSource.query('SELECT 1');
      times.push(performance.now() - start);
    }
    await dataSource.destroy();
    rows.push([label, median(times.slice(100)).toFixed(2)]);
  }
  console.log(`${markdownTable([`SELECT 1, ${DATABASE_NAMES[name]}`, 'p50 ms'], rows)}\n`);
}
