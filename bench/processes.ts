// Many application processes on one PostgreSQL: what the database pays for a request as they grow. Fastify.
import type { DataSourceOptions } from 'typeorm';
import { credentialsOf, type Tokens } from './credentials.ts';
import { startPgbouncer, type DatabaseServer } from './database-servers.ts';
import { prepareDatabase } from './databases.ts';
import { LoadGenerator, Server, median, type LoadSettings } from './measure.ts';
import { chartOf, type Panel } from './chart.ts';
import { markdownTable, roundedOf } from './report.ts';
import type { Result } from './result.ts';
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
  readonly databaseCpuMsPer1000: number;
  readonly poolerCpuMsPer1000: number;
}

interface Row {
  readonly load: (typeof LOADS)[number];
  readonly figures: Figures;
}

interface Route {
  readonly label: string;
  readonly database: DataSourceOptions;
  readonly pooler?: DatabaseServer;
}

export async function processes(data: Tokens, settings: LoadSettings): Promise<Result> {
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(data);
  await generator.prepare({ name: 'knox', kind: 'knox', credentials });
  const { options: database, databaseServer } = await prepareDatabase('postgres', data);
  const pooler = await startPgbouncer(databaseServer!);
  const routes: Route[] = [
    { label: 'straight', database },
    { label: 'PgBouncer', database: pooler.options(database.database as string), pooler },
  ];
  const tables: string[] = [];
  const figures: object[] = [];
  const panels: Panel[] = [];
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
        databaseCpuMsPer1000: ((databaseServer!.cpuMs() - before[0]) / requests) * 1000,
        poolerCpuMsPer1000: ((pooler.cpuMs() - before[1]) / requests) * 1000,
        statementsPerRequest: ((await statementsOf(used)) - before[2]) / requests,
      };
    };
    for (const load of LOADS) await measure(load, settings.warmUpMs);
    const runs = LOADS.map((load) => ({ load, measurements: [] as Figures[] }));
    for (let round = 1; round <= settings.rounds; round += 1) {
      for (const { load, measurements } of runs) {
        measurements.push(await measure(load, settings.measureMs));
      }
      process.stderr.write(`round ${round}: ${route.label}\n`);
    }
    for (const server of servers) await server.stop();
    const rows = runs.map(({ load, measurements }) => ({ load, figures: medianOf(measurements) }));
    tables.push(tableOf(route, rows));
    figures.push(
      ...rows.map((row) => ({ route: route.label, ...row.load, ...roundedOf(row.figures) })),
    );
    panels.push(panelOf(route, rows));
  }
  await generator.stop();
  const picture = chartOf({
    panels,
    columns: 2,
    label: 'CPU time of the database for 1,000 requests',
    caption: 'CPU time of the database for 1,000 requests, in milliseconds',
  });
  return { text: tables.join('\n\n'), figures, picture };
}

function medianOf(measurements: readonly Figures[]): Figures {
  const of = (figure: keyof Figures): number => median(measurements.map((one) => one[figure]));
  return {
    rps: of('rps'),
    p99Ms: of('p99Ms'),
    statementsPerRequest: of('statementsPerRequest'),
    databaseCpuMsPer1000: of('databaseCpuMsPer1000'),
    poolerCpuMsPer1000: of('poolerCpuMsPer1000'),
  };
}

async function statementsOf(servers: readonly Server[]): Promise<number> {
  const usages = await Promise.all(servers.map(({ worker }) => worker.ask<Usage>('usage')));
  return usages.reduce((sum, { statements }) => sum + statements, 0);
}

function tableOf({ label, pooler }: Route, results: readonly Row[]): string {
  const rows = results.map(({ load, figures }) => {
    // Of the time of one core, in milliseconds per second.
    const perProcess = (figures.databaseCpuMsPer1000 * load.rate) / 1000;
    return [
      String(load.processes),
      load.rate.toLocaleString('en'),
      Math.round(figures.rps).toLocaleString('en'),
      figures.statementsPerRequest.toFixed(2),
      figures.databaseCpuMsPer1000.toFixed(0),
      pooler ? figures.poolerCpuMsPer1000.toFixed(0) : '',
      (1000 / perProcess).toFixed(1),
      figures.p99Ms.toFixed(2),
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
  return markdownTable(head, rows);
}

function panelOf({ label }: Route, rows: readonly Row[]): Panel {
  return {
    title: label,
    groups: [
      {
        bars: rows.map(({ load, figures }) => ({
          label: `${load.processes} × ${load.rate.toLocaleString('en')}/s`,
          value: figures.databaseCpuMsPer1000,
          text: figures.databaseCpuMsPer1000.toFixed(0),
          isOurs: true,
        })),
      },
    ],
  };
}
