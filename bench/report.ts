import { cpus } from 'node:os';
import { chartOf } from './chart.ts';
import type { Candidate, GuardName, Outcome } from './compare.ts';
import { DATABASES } from './databases.ts';
import { ADAPTERS, median, ratiosOf, type AdapterName } from './measure.ts';

const DESCRIPTIONS: Readonly<Record<GuardName, string>> = {
  'no-auth': 'no authentication',
  'jwt-documented': 'passport-jwt, as documented',
  'jwt-keyobject': 'passport-jwt, KeyObject',
  'jwt-minimal': 'the leanest JWT guard',
  floor: 'a user from memory',
  'find-one': 'Passport + findOne',
  'better-auth': 'better-auth, bearer',
  knox: 'nestjs-knox',
  'knox-cookie': 'nestjs-knox, cookie',
  'knox-roles': 'nestjs-knox, roles',
  'knox-sessions': 'nestjs-knox, sessions',
  'knox-list': 'nestjs-knox, list of 10 sessions',
};

export const DATABASE_NAMES = {
  postgres: 'PostgreSQL',
  mariadb: 'MariaDB',
  sqlite: 'SQLite',
} as const;

export const ADAPTER_NAMES = { express: 'Express', fastify: 'Fastify' } as const;

/** After the point. */
const DIGITS = {
  rps: 1,
  p50Ms: 3,
  p99Ms: 3,
  cpuMsPerRequest: 5,
  databaseCpuMs: 5,
  databaseCpuMsPer1000: 2,
  poolerCpuMsPer1000: 2,
  statementsPerRequest: 4,
} as const;

export function nameOf({ guard, database, build }: Omit<Candidate, 'adapter'>): string {
  const name = `${DESCRIPTIONS[guard]}${build === 'before' ? ' (before)' : ''}`;
  return database ? `${name}, ${DATABASE_NAMES[database]}` : name;
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
  const adapters = ADAPTERS.filter((adapter) =>
    outcomes.some((outcome) => outcome.adapter === adapter),
  );
  return adapters
    .map((adapter) =>
      markdownTable(
        [
          ADAPTER_NAMES[adapter],
          'requests/s',
          'p50 ms',
          'p99 ms',
          'CPU ms/request',
          'CPU of the database',
          'statements/request',
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
            outcome.database ? outcome.statementsPerRequest.toFixed(3) : '',
            // Well below 100 %, the core of the database and the load generator was the bottleneck.
            `${Math.round((outcome.rps * outcome.cpuMsPerRequest) / 10)} %`,
          ]),
      ),
    )
    .join('\n\n');
}

/** Guard, adapter and database of a candidate. */
type Row = readonly [GuardName, AdapterName, Candidate['database']];

interface Target {
  readonly of: Row;
  /** The row to divide by. Default: none, the figure itself is judged. */
  readonly by?: Row;
  readonly figure: keyof typeof FIGURES;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const FIGURES = {
  rps: 'requests/s',
  cpuMsPerRequest: 'CPU a request',
  statementsPerRequest: 'statements a request',
} as const;

const EXPRESS: Row = ['knox', 'express', 'postgres'];
const FASTIFY: Row = ['knox', 'fastify', 'postgres'];

const TARGETS: readonly Target[] = [
  { of: EXPRESS, by: ['no-auth', 'express', null], figure: 'rps', atLeast: 0.8 },
  { of: EXPRESS, by: ['jwt-keyobject', 'express', null], figure: 'rps', atLeast: 1.5 },
  { of: FASTIFY, by: ['jwt-keyobject', 'fastify', null], figure: 'rps', atLeast: 1.5 },
  { of: FASTIFY, by: ['jwt-keyobject', 'fastify', null], figure: 'cpuMsPerRequest', atMost: 0.75 },
  { of: EXPRESS, by: ['jwt-minimal', 'express', null], figure: 'rps', atLeast: 1 },
  { of: FASTIFY, by: ['jwt-minimal', 'fastify', null], figure: 'rps', atLeast: 0.9 },
  { of: FASTIFY, by: ['jwt-minimal', 'fastify', null], figure: 'cpuMsPerRequest', atMost: 0.95 },
  { of: EXPRESS, by: ['jwt-minimal', 'express', null], figure: 'cpuMsPerRequest', atMost: 1 },
  { of: FASTIFY, by: ['floor', 'fastify', null], figure: 'cpuMsPerRequest', atMost: 1.3 },
  { of: EXPRESS, by: ['floor', 'express', null], figure: 'cpuMsPerRequest', atMost: 1.3 },
  { of: EXPRESS, by: ['jwt-documented', 'express', null], figure: 'rps', atLeast: 4 },
  { of: EXPRESS, by: ['find-one', 'express', 'postgres'], figure: 'rps', atLeast: 3.5 },
  { of: EXPRESS, by: ['better-auth', 'express', 'postgres'], figure: 'rps', atLeast: 7 },
  ...(
    [
      ['sqlite', 1],
      ['mariadb', 1.1],
    ] as const
  ).map(([database, atLeast]): Target => ({
    ...{ of: ['knox', 'express', database], by: ['jwt-keyobject', 'express', null] },
    ...{ figure: 'rps', atLeast },
  })),
  { of: FASTIFY, by: ['knox', 'fastify', 'mariadb'], figure: 'cpuMsPerRequest', atMost: 1.15 },
  ...DATABASES.flatMap((database): Target[] => {
    const of: Row = ['knox-roles', 'fastify', database];
    return [
      { of, by: ['knox', 'fastify', database], figure: 'cpuMsPerRequest', atMost: 1.6 },
      { of, figure: 'statementsPerRequest', atMost: 0.2 },
      {
        of: ['knox-sessions', 'fastify', database],
        by: ['knox', 'fastify', database],
        figure: 'cpuMsPerRequest',
        atMost: 1.05,
      },
      {
        of: ['knox-cookie', 'fastify', database],
        by: ['knox', 'fastify', database],
        figure: 'cpuMsPerRequest',
        atMost: 1.1,
      },
      {
        of: ['knox-list', 'fastify', database],
        by: ['knox-sessions', 'fastify', database],
        figure: 'cpuMsPerRequest',
        atMost: 2,
      },
    ];
  }),
];

/** The targets for which all rows were measured. */
export function ratioTable(outcomes: readonly Outcome[]): string {
  const find = ([guard, adapter, database]: Row): Outcome | undefined =>
    outcomes.find(
      (one) =>
        one.guard === guard &&
        one.adapter === adapter &&
        one.database === database &&
        one.build !== 'before',
    );
  const rows = TARGETS.flatMap(({ of, by, figure, ...bounds }) => {
    const ours = find(of);
    const theirs = by && find(by);
    if (!ours || (by && !theirs)) return [];
    const on = ADAPTER_NAMES[ours.adapter];
    const what = theirs
      ? `${nameOf(ours)} against ${theirs.database === ours.database ? DESCRIPTIONS[theirs.guard] : nameOf(theirs)}, ${on}: ${FIGURES[figure]}`
      : `${nameOf(ours)}, ${on}: ${FIGURES[figure]}`;
    const value = ours[figure] / (theirs?.[figure] ?? 1);
    return [[what, ...judge(value, theirs ? ' ×' : '', bounds)]];
  });
  return rows.length === 0 ? '' : markdownTable(['ratio', 'measured', 'target', ''], rows);
}

/** The ratio of each row to the same row of the build before. */
export function beforeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes
    .filter(({ build }) => build !== 'before')
    .flatMap((ours) => {
      const before = outcomes.find(
        (one) =>
          one.build === 'before' &&
          one.guard === ours.guard &&
          one.adapter === ours.adapter &&
          one.database === ours.database,
      )!;
      return (
        [
          ['rps', { atLeast: 0.97 }],
          ['cpuMsPerRequest', { atMost: 1.03 }],
        ] as const
      ).map(([figure, bounds]) => {
        const ratios = ratiosOf(ours.measurements, before.measurements, figure);
        const quarter = Math.floor(ratios.length / 4);
        const middle = `${ratios[quarter]!.toFixed(2)} to ${ratios.at(-1 - quarter)!.toFixed(2)}`;
        const what = `${nameOf(ours)}, ${ADAPTER_NAMES[ours.adapter]}: ${FIGURES[figure]}`;
        return [what, ...judge(median(ratios), ' ×', bounds), middle];
      });
    });
  const head = ['against the build before', 'measured', 'target', '', 'middle half of the rounds'];
  return markdownTable(head, rows);
}

/** The figure, its target, and whether it is met. */
export function judge(
  value: number,
  unit: string,
  { atLeast, atMost }: { atLeast?: number; atMost?: number },
): string[] {
  const met = atLeast === undefined ? value <= atMost! : value >= atLeast;
  const target = atLeast === undefined ? `at most ${atMost!}` : `at least ${atLeast}`;
  return [`${value.toFixed(2)}${unit}`, `${target}${unit}`, met ? 'met' : 'missed'];
}

/** The figures of a comparison. */
export function figuresOf(outcomes: readonly Outcome[]): object[] {
  return outcomes.map(({ rps, p50Ms, p99Ms, cpuMsPerRequest, ...candidate }) => ({
    guard: candidate.build === 'before' ? `${candidate.guard} (before)` : candidate.guard,
    adapter: candidate.adapter,
    database: candidate.database,
    ...roundedOf({ rps, p50Ms, p99Ms, cpuMsPerRequest }),
  }));
}

/** These figures, without digits that mean nothing. */
export function roundedOf<Figures extends Partial<Record<keyof typeof DIGITS, number>>>(
  figures: Figures,
): Figures {
  const entries = Object.entries(figures) as [keyof typeof DIGITS, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Number(value.toFixed(DIGITS[name]))]),
  ) as Figures;
}

/** What the features of the package cost stands in the tables: the picture compares the package with others. */
const NOT_PICTURED: readonly GuardName[] = [
  'knox-cookie',
  'knox-roles',
  'knox-sessions',
  'knox-list',
];

/** Requests per second of each row. */
export function outcomeChart(outcomes: readonly Outcome[]): string {
  const panels = ADAPTERS.map((adapter) => ({
    title: ADAPTER_NAMES[adapter],
    groups: [
      {
        bars: outcomes
          .filter((one) => one.adapter === adapter && !NOT_PICTURED.includes(one.guard))
          .map((outcome) => ({
            label: nameOf(outcome),
            value: outcome.rps,
            text: Math.round(outcome.rps).toLocaleString('en'),
            isOurs: outcome.guard.startsWith('knox'),
          })),
      },
    ],
  }));
  return chartOf({
    panels: panels.filter(({ groups }) => groups[0]!.bars.length > 0),
    columns: 1,
    label: 'Requests per second of each guard',
    caption: 'requests per second, one core, 32 connections',
  });
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${process.platform}`;
}
