import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './mutant.ts';

/** How long one run may take, in milliseconds. One that takes longer proves nothing. */
const TIMEOUT_MS = 300_000;

/** What Jest reports of an error that nobody caught, and that would have ended an application. */
export const CRASH = 'Test suite failed to run';

/** The part of Jest's report that is read here. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    /** What Jest prints of the file's failures. */
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Outcome {
  /** Why the run proves nothing, or null. */
  readonly invalid: string | null;
  /** The tests that failed, or what a soak found. */
  readonly failures: readonly string[];
}

const running = new Set<ChildProcess>();

/** Runs the check in the folder; of tests, only those whose full names match. */
export function runCheck(folder: string, check: Check, only: RegExp): Promise<Outcome> {
  return 'tests' in check ? runTests(folder, check.tests, only) : runSoak(folder, check.soak);
}

/** Kills the processes that are still running. */
export function killAll(): void {
  for (const child of running) child.kill();
}

async function runTests(folder: string, tests: readonly string[], only: RegExp): Promise<Outcome> {
  const file = join(folder, 'jest-report.json');
  rmSync(file, { force: true });
  const { isTimedOut, output } = await node(folder, [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    ...tests,
    // Includes the tests of faults and topologies.
    '--testPathIgnorePatterns=/node_modules/',
    // A bug may leave something open that would keep Jest from ending.
    '--forceExit',
    '--json',
    `--outputFile=${file}`,
    `--testNamePattern=${only.source}`,
  ]);
  if (isTimedOut) return invalid('it took too long');
  const report = reportIn(file);
  if (!report) return invalid(`Jest gave no report: ${output.slice(-2_000)}`);
  // The mutated code cannot be loaded: that is a broken mutant, not a failing test.
  const isEmpty = report.testResults.some(({ assertionResults }) => assertionResults.length === 0);
  if (isEmpty) return invalid('a file of tests could not be run');
  if (report.numPassedTests + report.numFailedTests === 0) {
    return invalid(
      'no test was run: no title matches, or a program that the tests need is missing',
    );
  }
  const failures = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .map(({ fullName }) => fullName);
  const crashes = report.testResults.flatMap(({ message }) =>
    message.includes(CRASH) ? [CRASH] : [],
  );
  return { invalid: null, failures: [...failures, ...crashes] };
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
  const { isTimedOut, status, output } = await node(folder, [...main, ...args]);
  if (isTimedOut) return invalid('it took too long');
  const findings = /^FAILED: (.*)$/m.exec(output)?.[1]?.split('; ') ?? [];
  if (status === 0 && output.includes('All is well.')) return { invalid: null, failures: [] };
  if (status === 1 && findings.length > 0) return { invalid: null, failures: findings };
  return invalid(`the soak ended with ${String(status)}: ${output.slice(-2_000)}`);
}

const invalid = (why: string): Outcome => ({ invalid: why, failures: [] });

/** Runs a process, and kills it at the timeout. A database server that does not answer is a failure. */
async function node(
  folder: string,
  args: readonly string[],
): Promise<{ isTimedOut: boolean; status: number | null; output: string }> {
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
  let isTimedOut = false;
  const timer = setTimeout(() => {
    isTimedOut = true;
    child.kill();
  }, TIMEOUT_MS);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve);
    });
    return { isTimedOut, status, output };
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}
