// One connection: what a request costs that has nobody to share a query with. PostgreSQL, Express.
import { DATA } from './compare.ts';
import { fillTables, userOf } from './data.ts';
import { startPostgres } from './database-servers.ts';
import { LoadGenerator, Server, median, medianOf, type Sample } from './measure.ts';
import { markdownTable } from './report.ts';

const CONTESTANTS = [
  { name: 'direct', kind: 'knox', label: 'a direct query, precompiled' },
  { name: 'knox', kind: 'knox', label: 'nestjs-knox' },
  { name: 'jwt-lean', kind: 'jwt', label: 'the leanest JWT guard' },
] as const;

export async function alone(quick: boolean): Promise<void> {
  const { rounds, warmUpMs, measureMs } = quick
    ? { rounds: 7, warmUpMs: 3000, measureMs: 1000 }
    : { rounds: 21, warmUpMs: 8000, measureMs: 2000 };
  const postgres = await startPostgres();
  const database = await postgres.create('bench');
  await fillTables(database, DATA);
  const generator = await LoadGenerator.start();
  const credentials = Array.from({ length: DATA.to }, (_, index) => ({
    token: index + 1,
    user: userOf(index + 1, DATA),
  }));
  const running = [];
  for (const contestant of CONTESTANTS) {
    const { name, kind } = contestant;
    await generator.prepare({ name: kind, kind, credentials });
    const server = await Server.start(name, {
      adapter: 'express',
      database,
      databaseServer: postgres,
    });
    await server.check(kind, credentials[0]!);
    running.push({ ...contestant, server, samples: [] as Sample[] });
  }
  for (let round = 0; round <= rounds; round += 1) {
    for (const { kind, server, samples } of running) {
      const ms = round === 0 ? warmUpMs : measureMs;
      const sample = await server.measure(generator, { requests: kind, connections: 1, ms });
      if (round > 0) samples.push(sample);
    }
  }
  for (const { server } of running) await server.stop();
  await generator.stop();
  const direct = running[0]!.samples;
  console.log(
    markdownTable(
      [
        'one connection',
        'p50 ms',
        'p99 ms',
        'p50 against the first',
        'CPU ms/request',
        'CPU of PostgreSQL',
      ],
      running.map(({ label, samples }) => {
        const { p50Ms, p99Ms, cpuMsPerRequest, databaseCpuMs } = medianOf(samples);
        // Within each round, so that what the machine does meanwhile drops out.
        const ratio = median(samples.map((sample, round) => sample.p50Ms / direct[round]!.p50Ms));
        return [
          label,
          p50Ms.toFixed(3),
          p99Ms.toFixed(3),
          `${ratio.toFixed(2)} ×`,
          cpuMsPerRequest.toFixed(3),
          databaseCpuMs.toFixed(3),
        ];
      }),
    ),
  );
}
