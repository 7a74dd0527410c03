// Many application processes on one PostgreSQL: what the database pays for a request as they grow. Fastify.
import type { DataSourceOptions } from 'typeorm';
import { credentialsOf, type Tokens } from './credentials.ts';
import { startPgbouncer, type DatabaseServer } from './database-servers.ts';
import { prepareDatabase } from './databases.ts';
import { LoadGenerator, Server, median, type LoadSettings } from './measure.ts';
import { markdownTable } from './report.ts';
import type { Usage } from './servers/serve.ts';

/** How many connections each process gets its requests by. */
const CLIENTS = 64;

/** Processes, and the requests per second that each gets. */
const LOADS = [
  // More processes with the same load each.
  { processes: 1, rate: 500 },
  { processes: 2, rate: 500 },
  { processes: 4, rate: 500 },
  { processes: 8, rate: 500 },
  // The same load in all, by fewer processes.
  { processes: 4, rate: 1000 },
  { processes: 2, rate: 2000 },
  { processes: 1, rate: 4000 },
  { processes: 1, rate: 8000 },
] as const;

interface Figures {
  readonly rps: number;
  readonly p99Ms: number;
  readonly statementsPerRequest: number;
  /** CPU time in milliseconds per thousand requests. */
  readonly databaseCpuMs: number;
  readonly poolerCpuMs: number;
}

interface Route {
  readonly label: string;
  readonly database: DataSourceOptions;
  readonly pooler?: DatabaseServer;
}

export async function processes(data: Tokens, settings: LoadSettings): Promise<void> {
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(data);
  await generator.prepare({ name: 'knox', kind: 'knox', credentials });
  const { options: database, databaseServer } = await prepareDatabase('postgres', data);
  const pooler = await startPgbouncer(databaseServer!);
  const routes: Route[] = [
    { label: 'straight', database },
    { label: 'PgBouncer', database: pooler.options(database.database as string), pooler },
  ];
  for (const route of routes) {
    const servers: Server[] = [];
    while (servers.length < Math.max(...LOADS.map((load) => load.processes))) {
      const server = await Server.start('knox', { adapter: 'fastify', database: route.database });
      await server.check('knox', credentials[0]);
      servers.push(server);
    }
    const measure = async (load: (typeof LOADS)[number], ms: number): Promise<Figures> => {
      const used = servers.slice(0, load.processes);
      const before = [databaseServer!.cpuMs(), pooler.cpuMs(), await statementsOf(used)] as const;
      const { requests, seconds, p99Ms } = await generator.runPaced({
        ...{ ports: used.map(({ port }) => port), requests: 'knox', connections: CLIENTS },
        ...{ rate: load.rate, ms },
      });
      return {
        rps: requests / seconds,
        p99Ms,
        databaseCpuMs: ((databaseServer!.cpuMs() - before[0]) / requests) * 1000,
        poolerCpuMs: ((pooler.cpuMs() - before[1]) / requests) * 1000,
        statementsPerRequest: ((await statementsOf(used)) - before[2]) / requests,
      };
    };
    for (const load of LOADS) await measure(load, settings.warmUpMs);
    const results = LOADS.map((load) => ({ load, measurements: [] as Figures[] }));
    for (let round = 1; round <= settings.rounds; round += 1) {
      for (const { load, measurements } of results) {
        measurements.push(await measure(load, settings.measureMs));
      }
      process.stderr.write(`round ${round}: ${route.label}\n`);
    }
    for (const server of servers) await server.stop();
    show(route, results);
  }
  await generator.stop();
}

async function statementsOf(servers: readonly Server[]): Promise<number> {
  const usages = await Promise.all(servers.map(({ worker }) => worker.ask<Usage>('usage')));
  return usages.reduce((sum, { statements }) => sum + statements, 0);
}

function show(
  { label, pooler }: Route,
  results: readonly {
    readonly load: (typeof LOADS)[number];
    readonly measurements: readonly Figures[];
  }[],
): void {
  const rows = results.map(({ load, measurements }) => {
    const of = (figure: keyof Figures): number => median(measurements.map((one) => one[figure]));
    // Of the time of one core, in milliseconds per second.
    const perProcess = (of('databaseCpuMs') * load.rate) / 1000;
    return [
      String(load.processes),
      load.rate.toLocaleString('en'),
      Math.round(of('rps')).toLocaleString('en'),
      of('statementsPerRequest').toFixed(2),
      of('databaseCpuMs').toFixed(0),
      pooler ? of('poolerCpuMs').toFixed(0) : '',
      (1000 / perProcess).toFixed(1),
      of('p99Ms').toFixed(2),
    ];
  });
  const head = [
    `processes, ${label}`,
    'requests/s of each',
    'requests/s',
    'statements/request',
    'database, CPU ms/1,000 requests',
    'PgBouncer, CPU ms/1,000 requests',
    'processes that one core of the database feeds',
    'p99 ms',
  ];
  console.log(`${markdownTable(head, rows)}\n`);
}
