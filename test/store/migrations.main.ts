import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import { MigrationGenerateCommand } from 'typeorm/commands/MigrationGenerateCommand.js';
import { MigrationRunCommand } from 'typeorm/commands/MigrationRunCommand.js';
import { serveJob } from '../support/child-process.ts';

/** Runs `migration:generate` and `migration:run`. Gives their exit codes. */
async function migrate(database: DataSourceOptions, folder: string): Promise<unknown[]> {
  const codes: unknown[] = [];
  process.exit = ((code: number) => codes.push(code)) as typeof process.exit;
  const dataSource = join(folder, 'data-source.mjs');
  await writeFile(
    dataSource,
    `import { dataSourceOf } from ${JSON.stringify(import.meta.resolve('./migrations.data-source.ts'))};
    export default dataSourceOf(${JSON.stringify(database)}, ${JSON.stringify(folder)});`,
  );
  const options = { _: [], $0: '', dataSource, outputJs: true, path: join(folder, 'Tokens') };
  await new MigrationGenerateCommand().handler(options);
  await new MigrationRunCommand().handler(options);
  return codes;
}

await serveJob(async (jobs: [DataSourceOptions, string][]) => {
  const exitCodes: unknown[] = [];
  for (const [database, folder] of jobs) exitCodes.push(await migrate(database, folder));
  return exitCodes;
});
