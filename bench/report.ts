import { cpus } from 'node:os';
import type { AdapterName } from './measure.ts';
import type { Contestant, GuardName, Outcome } from './compare.ts';

export const DESCRIPTIONS: Readonly<Record<GuardName, string>> = {
  none: 'no authentication',
  'jwt-documented': 'passport-jwt, as documented',
  'jwt-keyobject': 'passport-jwt, KeyObject',
  'jwt-lean': 'the leanest JWT guard',
  naive: 'Passport + findOne',
  'better-auth': 'better-auth, bearer',
  knox: 'nestjs-knox',
};

const DATABASES = { postgres: 'PostgreSQL', mariadb: 'MariaDB', sqlite: 'SQLite' } as const;

export function nameOf({ guard, database }: Pick<Contestant, 'guard' | 'database'>): string {
  return database ? `${DESCRIPTIONS[guard]}, ${DATABASES[database]}` : DESCRIPTIONS[guard];
}

export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}

export function outcomeTable(outcomes: readonly Outcome[]): string {
  const adapters = (['express', 'fastify'] as const).filter((adapter) =>
    outcomes.some((outcome) => outcome.adapter === adapter),
  );
  return adapters
    .map((adapter) =>
      markdownTable(
        [
          adapter === 'express' ? 'Express' : 'Fastify',
          'requests/s',
          'p50 ms',
          'p99 ms',
          'CPU ms/request',
          'CPU of the database',
          'server busy',
        ],
        outcomes
          .filter((outcome) => outcome.adapter === adapter)
          .map((outcome) => [
            nameOf(outcome),
            Math.round(outcome.rps).toLocaleString('en'),
            outcome.p50Ms.toFixed(2),
            outcome.p99Ms.toFixed(2),
            outcome.cpuMsPerRequest.toFixed(3),
            Number.isNaN(outcome.databaseCpuMs) ? '' : outcome.databaseCpuMs.toFixed(3),
            // Less than all of its core: the other one, with the database and the load, was the bottleneck.
            `${Math.round((outcome.rps * outcome.cpuMsPerRequest) / 10)} %`,
          ]),
      ),
    )
    .join('\n\n');
}

interface Ratio {
  readonly of: string;
  readonly target: string;
  readonly value: number;
  readonly met: boolean;
}

/** What the package is meant to reach, of the outcomes that are there. */
export function ratioTable(outcomes: readonly Outcome[]): string {
  const find = (guard: GuardName, adapter: AdapterName, database: Contestant['database']) =>
    outcomes.find(
      (one) => one.guard === guard && one.adapter === adapter && one.database === database,
    );
  const ratios: Ratio[] = [];
  const compare = (
    [guard, adapter, peerDatabase, database = 'postgres']: readonly [
      GuardName,
      AdapterName,
      Contestant['database'],
      Contestant['database']?,
    ],
    { atLeast, atMost }: { atLeast?: number; atMost?: number },
  ): void => {
    const ours = find('knox', adapter, database);
    const peer = find(guard, adapter, peerDatabase);
    if (!ours || !peer) return;
    const cpu = atMost !== undefined;
    const value = cpu ? ours.cpuMsPerRequest / peer.cpuMsPerRequest : ours.rps / peer.rps;
    const on = adapter === 'express' ? 'Express' : 'Fastify';
    ratios.push({
      of: `${nameOf(ours)} against ${DESCRIPTIONS[guard]}, ${on}: ${cpu ? 'CPU a request' : 'requests/s'}`,
      target: cpu ? `at most ${atMost} ×` : `at least ${atLeast!} ×`,
      value,
      met: cpu ? value <= atMost : value >= atLeast!,
    });
  };
  compare(['none', 'express', null], { atLeast: 0.8 });
  compare(['jwt-keyobject', 'express', null], { atLeast: 1.4 });
  compare(['jwt-keyobject', 'fastify', null], { atLeast: 1.15 });
  compare(['jwt-keyobject', 'fastify', null], { atMost: 0.75 });
  compare(['jwt-lean', 'express', null], { atLeast: 1 });
  compare(['jwt-lean', 'fastify', null], { atLeast: 0.9 });
  compare(['jwt-lean', 'fastify', null], { atMost: 1 });
  compare(['jwt-documented', 'express', null], { atLeast: 4 });
  compare(['naive', 'express', 'postgres'], { atLeast: 3.5 });
  compare(['better-auth', 'express', 'postgres'], { atLeast: 7 });
  compare(['jwt-keyobject', 'express', null, 'sqlite'], { atLeast: 1 });
  compare(['jwt-keyobject', 'express', null, 'mariadb'], { atLeast: 1.1 });
  if (ratios.length === 0) return '';
  return markdownTable(
    ['ratio', 'measured', 'target', ''],
    ratios.map(({ of, value, target, met }) => [
      of,
      `${value.toFixed(2)} ×`,
      target,
      met ? 'met' : 'missed',
    ]),
  );
}

/** What `--json` writes: these keys and no others. */
export function jsonOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ guard, adapter, database, rps, p50Ms, p99Ms, cpuMsPerRequest }) => ({
    guard,
    adapter,
    database,
    rps: round(rps, 1),
    p50Ms: round(p50Ms, 3),
    p99Ms: round(p99Ms, 3),
    cpuMsPerRequest: round(cpuMsPerRequest, 5),
  }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${process.platform}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
