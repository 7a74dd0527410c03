// npm run bench [-- growth | alone | profile] [--quick] [--smoke] [--json FILE]
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alone } from './alone.ts';
import { chartOf } from './chart.ts';
import { compare, DATA, EVERYONE, LESS_DATA, LITTLE_DATA, SMOKE, type Plan } from './compare.ts';
import { stopDatabases } from './database-servers.ts';
import { growth } from './growth.ts';
import { profile } from './profile.ts';
import { jsonOf, machine, outcomeTable, ratioTable } from './report.ts';
import { PINNED } from './rpc.ts';

/** Of `--quick`, from the start of `npm run bench`, when nothing has to be installed. */
const QUICK_MS = 90_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const [part = 'compare'] = positionals;
const parts: Readonly<Record<string, () => Promise<void>>> = {
  compare: comparison,
  growth: () => growth(values.quick),
  alone: () => alone(values.quick),
  profile: () => profile(values.quick),
};
const run = parts[part];
if (!run) throw new Error(`No such part: ${part}. There are ${Object.keys(parts).join(', ')}.`);

console.log(`${machine()}${PINNED ? '' : '; taskset is missing: nothing is pinned to a core'}\n`);
try {
  await run();
} finally {
  await stopDatabases();
}
// Connections that fetch keeps alive would hold the process for a while.
process.exit();

async function comparison(): Promise<void> {
  const { outcomes, versions } = await compare(planOf());
  const tables = `${versions.join(', ')}\n\n${outcomeTable(outcomes)}\n\n${ratioTable(outcomes)}`;
  console.log(tables);
  if (values.json !== undefined) writeFileSync(values.json, jsonOf(outcomes));
  if (values.quick || values.smoke) return;
  const folder = fileURLToPath(new URL('..', import.meta.url));
  writeFileSync(`${folder}/results.json`, jsonOf(outcomes));
  writeFileSync(`${folder}/results.svg`, chartOf(outcomes));
  const readme = readFileSync(`${folder}/README.md`, 'utf8');
  const results = `<!-- results -->\n${machine()}, ${tables}\n<!-- /results -->`;
  writeFileSync(
    `${folder}/README.md`,
    readme.replace(/<!-- results -->.*<!-- \/results -->/s, () => results),
  );
}

function planOf(): Plan {
  if (values.smoke) {
    const short = { rounds: 1, warmUpMs: 300, measureMs: 1000 };
    return { contestants: SMOKE, data: LITTLE_DATA, ...short };
  }
  const contestants = EVERYONE;
  if (!values.quick) {
    return { contestants, data: DATA, rounds: 7, warmUpMs: 5000, measureMs: 4000 };
  }
  const deadline = Number(process.env.BENCH_STARTED ?? Date.now()) + QUICK_MS;
  return { contestants, data: LESS_DATA, rounds: 3, warmUpMs: 1500, measureMs: 1000, deadline };
}
