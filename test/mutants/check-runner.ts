import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Trial } from './mutant.ts';

/** How long one run may take, in milliseconds. What takes longer has noticed nothing. */
const LIMIT_MS = 300_000;

/** Of the report that Jest writes, the part that is read here. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** What a run came to. */
export interface Outcome {
  /** Why it proves nothing, neither that all is well nor that it is not. */
  readonly invalid: string | null;
  /** The tests that failed, or what a soak found. */
  readonly failures: readonly string[];
}

const running = new Set<ChildProcess>();

/** Runs it in the folder; of tests those only whose names match. */
export function run(folder: string, trial: Trial, only: RegExp | null): Promise<Outcome> {
  return 'tests' in trial ? runTests(folder, trial.tests, only) : runSoak(folder, trial.soak);
}

/** Ends what is running. */
export function endAll(): void {
  for (const child of running) child.kill();
}

async function runTests(
  folder: string,
  tests: readonly string[],
  only: RegExp | null,
): Promise<Outcome> {
  const file = join(folder, 'jest-report.json');
  rmSync(file, { force: true });
  const { isOver, output } = await node(folder, [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    ...tests,
    // Those of faults and topologies too.
    '--testPathIgnorePatterns=/node_modules/',
    // A bug may leave something open that would keep Jest from ending.
    '--forceExit',
    '--json',
    `--outputFile=${file}`,
    ...(only ? [`--testNamePattern=${only.source}`] : []),
  ]);
  if (isOver) return invalid('it took too long');
  const report = reportIn(file);
  if (!report) return invalid(`Jest gave no report: ${output.slice(-2_000)}`);
  // Code that can't be loaded, rather than tests whose end failed too.
  const isEmpty = report.testResults.some(({ assertionResults }) => assertionResults.length === 0);
  if (isEmpty) return invalid('a file of tests could not be run');
  if (report.numPassedTests + report.numFailedTests === 0) return invalid('no test was run');
  const failures = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .map(({ fullName }) => fullName);
  return { invalid: null, failures };
}

function reportIn(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
  } catch {
    return undefined;
  }
}

async function runSoak(folder: string, args: readonly string[]): Promise<Outcome> {
  const main = ['--import', './test/support/register.mjs', 'soak/main.ts'];
  const { isOver, status, output } = await node(folder, [...main, ...args]);
  if (isOver) return invalid('it took too long');
  const findings = /^FAILED: (.*)$/m.exec(output)?.[1]?.split('; ') ?? [];
  if (status === 0 && output.includes('All is well.')) return { invalid: null, failures: [] };
  if (status === 1 && findings.length > 0) return { invalid: null, failures: findings };
  return invalid(`the soak ended with ${String(status)}: ${output.slice(-2_000)}`);
}

const invalid = (why: string): Outcome => ({ invalid: why, failures: [] });

/** A process that is ended when it takes too long. A server that doesn't answer is a failure. */
async function node(
  folder: string,
  args: readonly string[],
): Promise<{ isOver: boolean; status: number | null; output: string }> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    child.kill();
  }, LIMIT_MS);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve);
    });
    return { isOver, status, output };
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}
