// One connection: what a request costs that has no other to share a query with. PostgreSQL, Express.
import { credentialsOf } from './credentials.ts';
import { FULL_DATA } from './data.ts';
import { prepareDatabase } from './databases.ts';
import { LoadGenerator, Server, measureInTurns, median, medianOf, ratiosOf } from './measure.ts';
import { markdownTable } from './report.ts';

const CANDIDATES = [
  { name: 'single-query', requests: 'knox', label: 'a direct query, precompiled' },
  { name: 'knox', requests: 'knox', label: 'nestjs-knox' },
  { name: 'jwt-minimal', requests: 'jwt', label: 'the leanest JWT guard' },
] as const;

/** The p50 of ours against that of a direct query. */
const AT_MOST = 1.1;

export async function singleConnection(quick: boolean): Promise<void> {
  const settings = quick
    ? { rounds: 7, warmUpMs: 3000, measureMs: 1000 }
    : { rounds: 21, warmUpMs: 8000, measureMs: 2000 };
  const { options, databaseServer } = await prepareDatabase('postgres', FULL_DATA);
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(FULL_DATA);
  const entries = [];
  for (const candidate of CANDIDATES) {
    const { name, requests } = candidate;
    await generator.prepare({ name: requests, kind: requests, credentials });
    const server = await Server.start(name, {
      adapter: 'express',
      database: options,
      databaseServer,
    });
    await server.check(requests, credentials[0]);
    entries.push({ ...candidate, server, connections: 1 });
  }
  const results = await measureInTurns(generator, entries, settings);
  await generator.stop();
  const [first] = results;
  const rows = results.map(({ name, label, measurements }) => {
    const { p50Ms, p99Ms, cpuMsPerRequest, databaseCpuMs } = medianOf(measurements);
    const ratio = median(ratiosOf(measurements, first!.measurements, 'p50Ms'));
    return [
      label,
      p50Ms.toFixed(3),
      p99Ms.toFixed(3),
      `${ratio.toFixed(2)} ×`,
      name === 'knox' ? `at most ${AT_MOST} ×: ${ratio <= AT_MOST ? 'met' : 'missed'}` : '',
      cpuMsPerRequest.toFixed(3),
      databaseCpuMs.toFixed(3),
    ];
  });
  const head = ['p50 ms', 'p99 ms', 'p50 against the first', 'target', 'CPU ms/request'];
  console.log(markdownTable(['one connection', ...head, 'CPU of PostgreSQL'], rows));
}
