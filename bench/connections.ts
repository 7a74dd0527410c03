// What each value of the option `connections` carries, for the choice of its default.
import { credentialsOf, type Tokens } from './credentials.ts';
import { prepareDatabase, type DatabaseName } from './databases.ts';
import {
  LoadGenerator,
  Server,
  measureInTurns,
  medianOf,
  type AdapterName,
  type LoadSettings,
} from './measure.ts';
import { ADAPTER_NAMES, DATABASE_NAMES, markdownTable } from './report.ts';

const VALUES = [1, 2, 3, 4, 6, 8, 10];
const CLIENTS = [32, 128, 512];

export async function connections(
  databases: readonly DatabaseName[],
  adapters: readonly AdapterName[],
  data: Tokens,
  settings: LoadSettings,
): Promise<void> {
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(data);
  await generator.prepare({ name: 'knox', kind: 'knox', credentials });
  for (const name of databases) {
    const { options: database, databaseServer } = await prepareDatabase(name, data);
    for (const adapter of adapters) {
      const entries = [];
      for (const value of VALUES) {
        const knox = { connections: value };
        const server = await Server.start('knox', { adapter, database, databaseServer, knox });
        await server.check('knox', credentials[0]);
        for (const clients of CLIENTS) {
          const label = `${name}, ${adapter}, ${value} for ${clients}`;
          entries.push({ label, value, server, requests: 'knox', connections: clients });
        }
      }
      const results = await measureInTurns(generator, entries, settings);
      for (const clients of CLIENTS) {
        const rows = results
          .filter((result) => result.connections === clients)
          .map(({ value, measurements }) => {
            const figures = medianOf(measurements);
            return [
              String(value),
              Math.round(figures.rps).toLocaleString('en'),
              figures.p50Ms.toFixed(2),
              figures.p99Ms.toFixed(2),
              figures.cpuMsPerRequest.toFixed(4),
              figures.databaseCpuMs.toFixed(4),
              figures.statementsPerRequest.toFixed(3),
            ];
          });
        console.log(`${clients} clients, ${ADAPTER_NAMES[adapter]}, ${DATABASE_NAMES[name]}\n`);
        const head = ['requests/s', 'p50 ms', 'p99 ms', 'CPU ms/request', 'CPU of the database'];
        console.log(`${markdownTable(['`connections`', ...head, 'statements/request'], rows)}\n`);
      }
    }
  }
  await generator.stop();
}
