// Where the CPU time of a request goes: `--cpu-prof` of a server under load.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { credentialsOf } from './credentials.ts';
import { fillSessions, FULL_DATA } from './data.ts';
import { temporaryFolder } from './database-servers.ts';
import { prepareDatabase, type DatabaseName } from './databases.ts';
import { CONNECTIONS, LoadGenerator, Server, type AdapterName } from './measure.ts';
import { ADAPTER_NAMES, markdownTable } from './report.ts';

interface CpuProfile {
  readonly nodes: readonly {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
  /** In microseconds, on the clock of process.hrtime. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The owner of a function: the first of these whose pattern matches its file. */
const GROUPS: readonly (readonly [name: string, file: RegExp])[] = [
  ['nestjs-knox', /\/dist\/(esm|cjs)\//],
  ['pg', /\/node_modules\/pg(-[a-z]+|pass)?\//],
  ['TypeORM', /\/node_modules\/typeorm\//],
  ['NestJS', /\/node_modules\/@nestjs\//],
  ['RxJS', /\/node_modules\/rxjs\//],
  [
    'Fastify',
    /\/node_modules\/(fastify|@fastify|light-my-request|find-my-way|avvio|pino|fast-json-stringify)/,
  ],
  ['Express', /\/node_modules\/(?!reflect-metadata)/],
  ['Node.js', /^node:/],
  ['the bench', /\/bench\/dist\//],
];
const TOP = 30;

/** The guards that can be profiled, and the credentials that each takes. */
export const PROFILED = {
  knox: 'knox',
  'knox-sessions': 'knox',
  floor: 'knox',
  'jwt-minimal': 'jwt',
} as const;

export async function profile(
  guard: keyof typeof PROFILED,
  adapters: readonly AdapterName[],
  databaseName: DatabaseName,
  quick: boolean,
): Promise<void> {
  const { options: database } = await prepareDatabase(databaseName, FULL_DATA);
  if (guard === 'knox-sessions') await fillSessions(database);
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(FULL_DATA);
  const kind = PROFILED[guard];
  await generator.prepare({ name: kind, kind, credentials });
  for (const adapter of adapters) {
    const folder = temporaryFolder();
    const server = await Server.start(guard, {
      adapter,
      database: guard.startsWith('knox') ? database : null,
      tokens: FULL_DATA,
      nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`],
    });
    const load = { requests: kind, connections: CONNECTIONS };
    await server.measure(generator, { ...load, ms: quick ? 2000 : 8000 });
    const from = await server.worker.ask<number>('now');
    const { rps } = await server.measure(generator, { ...load, ms: quick ? 4000 : 15_000 });
    const to = await server.worker.ask<number>('now');
    await server.stop();
    const [file] = readdirSync(folder);
    const cpuProfile = JSON.parse(readFileSync(join(folder, file!), 'utf8')) as CpuProfile;
    print(adapter, cpuProfile, { from, to, requests: (rps * (to - from)) / 1e6 });
  }
  await generator.stop();
}

/** Prints the self time between the two instants, by owner and by function. */
function print(
  adapter: AdapterName,
  { nodes, startTime, samples, timeDeltas }: CpuProfile,
  { from, to, requests }: { from: number; to: number; requests: number },
): void {
  const nodeOf = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const byFunction = new Map<string, number>();
  const byGroup = new Map<string, number>();
  let now = startTime;
  for (const [index, id] of samples.entries()) {
    const micros = timeDeltas[index]!;
    now += micros;
    if (now < from || now > to) continue;
    const { functionName, url, lineNumber } = nodeOf.get(id)!;
    if (functionName === '(idle)') continue;
    const group = groupOf(functionName, url);
    const place =
      url === ''
        ? ''
        : ` ${url.replace(/^.*node_modules\//, '').replace(/^.*\/dist\//, 'dist/')}:${lineNumber + 1}`;
    add(byFunction, `${group} | ${functionName || '(anonymous)'}${place}`, micros);
    add(byGroup, group, micros);
  }
  const total = [...byGroup.values()].reduce((sum, micros) => sum + micros, 0);
  const cells = (times: ReadonlyMap<string, number>): string[][] =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, TOP)
      .map(([name, micros]) => [
        ...name.split(' | '),
        `${((100 * micros) / total).toFixed(1)} %`,
        (micros / requests).toFixed(2),
      ]);
  const name = ADAPTER_NAMES[adapter];
  console.log(`${markdownTable([`${name}: whose`, 'self time', 'µs/request'], cells(byGroup))}\n`);
  console.log(
    `${markdownTable([`${name}: whose`, 'function', 'self time', 'µs/request'], cells(byFunction))}\n`,
  );
}

function groupOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (url === '') return 'V8 and native code';
  return GROUPS.find(([, file]) => file.test(url))?.[0] ?? 'other';
}

function add(times: Map<string, number>, key: string, micros: number): void {
  times.set(key, (times.get(key) ?? 0) + micros);
}
