import { ArgumentError, HELP, readArguments, type Arguments } from './arguments.ts';
import { DATABASES, missingPrograms, type DatabaseName } from './databases.ts';
import { listFailures, formatReport, writeJson } from './report.ts';
import { runSoak, type Figures } from './soak.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** The databases to soak. Prints which ones are left out. @throws ArgumentError */
function databasesOf(wanted: readonly DatabaseName[] | null): readonly DatabaseName[] {
  return (wanted ?? DATABASES).filter((name) => {
    const missing = missingPrograms(name).join(', ');
    if (missing === '') return true;
    if (wanted) throw new ArgumentError(`--database ${name}: not installed: ${missing}.`);
    console.log(`LEFT OUT: ${name}; not installed: ${missing}.`);
    return false;
  });
}

async function main({
  seconds,
  chaosSeconds,
  databases,
  seed,
  rounds,
  fuzz,
  json,
}: Arguments): Promise<void> {
  const all: Figures[] = [];
  for (const database of databasesOf(databases)) {
    const command = `npm run soak -- --seconds ${String(seconds)} --chaos-seconds ${String(chaosSeconds)} --database ${database} --seed ${String(seed)}`;
    console.log(`\n${command}`);
    const figures = await runSoak({ database, seconds, chaosSeconds, seed, rounds, fuzz });
    console.log(formatReport(`${database}, ${String(seconds)} s, seed ${String(seed)}`, figures));
    all.push(figures);
  }
  if (json !== null) writeJson(json, seed, all);
  process.exitCode = all.some((figures) => listFailures(figures).length > 0) ? 1 : 0;
}

try {
  const args = readArguments(process.argv.slice(2));
  if (args) await main(args);
  else console.log(HELP);
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
