import { writeFileSync } from 'node:fs';
import { RECOVERY_ALLOWANCE_MS } from './fault-windows.ts';
import { NOTICED_MS } from './live-connections.ts';
import {
  AUTH_TIMEOUT_MS,
  NOTICED_IN_FAULTS_MS,
  PROCESSES,
  serverErrorsOf,
  TOKEN_LIMIT,
  type Figures,
} from './soak.ts';
import { sumOf } from './request-sender.ts';

/** Added to `authTimeout` for delays of the machine, in milliseconds. */
const ANSWER_MARGIN_MS = 500;

/** The longest answer that passes. Event-loop delays are the machine's, so they are added. */
function answerBoundMs({ longestLagMs }: Figures): number {
  const lags = longestLagMs.processes + longestLagMs.soak;
  // With a limit, so that a machine that stalled cannot excuse every answer.
  return AUTH_TIMEOUT_MS + ANSWER_MARGIN_MS + Math.min(lags, AUTH_TIMEOUT_MS);
}

/** The figures that must be 0 and are not. */
export function listFailures(figures: Figures): string[] {
  const zeros: Record<string, number> = {
    'accepted after revocation': figures.acceptedAfterRevocation,
    'accepted after a reauthentication': figures.acceptedAfterReauthentication,
    'accepted after an eviction': figures.acceptedAfterEviction,
    'refused though valid': figures.refusedThoughValid,
    'evicted though newer than others': figures.evictedThoughValid,
    'over the limit': figures.overLimit,
    'server errors outside faults': serverErrorsOf(figures),
    'accepted after expiry': figures.acceptedAfterExpiry,
    'accepted after a refusal': figures.acceptedAfterRefusal,
    'unknown tokens accepted': figures.unknownAccepted,
    'consumed, replaced or ended twice': figures.endedTwice,
    'sessions of two tokens': figures.doubledSessions,
    'sessions listed wrongly': figures.listedWrongly,
    'last uses moved back': figures.usesMovedBack,
    'open after revocation': figures.openAfterRevocation,
    'closed though valid': figures.closedThoughValid,
    'asked without a connection': figures.readsAfterClose,
    'tokens left by logins that failed': figures.leftByRefusedLogins,
    'unexpected answers': sumOf(figures.unexpected),
    'rounds of logins with another number of tokens than the limit': figures.roundFailures.length,
    'hostile requests answered wrongly': figures.fuzzFailures.length,
    'unhandled rejections': figures.unhandledRejections,
    'answers past authTimeout': Number(figures.longestAnswerMs > answerBoundMs(figures)),
  };
  return Object.entries(zeros)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name}: ${String(count)}`);
}

/** The report as text. */
export function formatReport(title: string, figures: Figures): string {
  const { counts, longestLagMs } = figures;
  const zero = (name: string, count: number, of = ''): string =>
    line(name, `${String(count)}${of}${count === 0 ? '' : '   <-- must be 0'}`);
  const failures = listFailures(figures);
  return [
    title,
    line('durable by', figures.durability),
    line('requests', `${String(figures.requests)} (${listOf(Object.entries(counts))})`),
    line('faults', listOf(Object.entries(countsOf(figures.faults.map(({ name }) => name))))),
    zero(
      'accepted after revocation',
      figures.acceptedAfterRevocation,
      ` of ${String(figures.revocations)}`,
    ),
    line('  refused when asked again', `${String(figures.confirmations)} times`),
    zero('after a reauthentication', figures.acceptedAfterReauthentication),
    zero('after an eviction', figures.acceptedAfterEviction),
    zero('refused though valid', figures.refusedThoughValid),
    zero('evicted though newer', figures.evictedThoughValid),
    zero(
      `over the limit of ${String(TOKEN_LIMIT)}`,
      figures.overLimit,
      ` in ${String(figures.tableLooks)} looks at the table`,
    ),
    zero('server errors outside faults', serverErrorsOf(figures)),
    ...detailsOf(figures.serverErrors),
    line(
      '  inside faults',
      `${String(figures.excusedErrors)} (to ${String(RECOVERY_ALLOWANCE_MS)} ms after a fault's end)`,
    ),
    line(
      'stalls of the soak itself',
      `${String(figures.stallsMs.length)}${
        figures.stallsMs.length === 0
          ? ''
          : ` (${figures.stallsMs.join(', ')} ms; ${String(figures.stallErrors)} server errors then, not timed)`
      }`,
    ),
    zero('accepted after expiry', figures.acceptedAfterExpiry),
    zero('accepted after a refusal', figures.acceptedAfterRefusal),
    zero('unknown tokens accepted', figures.unknownAccepted),
    zero('consumed or ended twice', figures.endedTwice),
    zero('sessions of two tokens', figures.doubledSessions),
    zero('sessions listed wrongly', figures.listedWrongly),
    zero(
      'last uses moved back',
      figures.usesMovedBack,
      ` of ${String(figures.usesWritten)} sessions`,
    ),
    line(
      'live connections',
      `${String(figures.liveOpened)} (closed: ${listOf(Object.entries(figures.liveClosings))})`,
    ),
    zero('open after revocation', figures.openAfterRevocation),
    zero('closed though valid', figures.closedThoughValid),
    line(
      '  longest time to close',
      `${String(figures.longestToCloseMs.outsideFaults)} ms, and ${String(figures.longestToCloseMs.insideFaults)} ms inside faults ` +
        `(bounds ${String(NOTICED_MS)} and ${String(NOTICED_IN_FAULTS_MS)} ms)`,
    ),
    zero('asked without a connection', figures.readsAfterClose),
    zero('left by logins that failed', figures.leftByRefusedLogins),
    zero('unexpected answers', sumOf(figures.unexpected)),
    ...detailsOf(figures.unexpected),
    ...figures.findings.slice(0, 20).map((finding) => `    ${finding}`),
    zero(
      'rounds of logins at the limit',
      figures.roundFailures.length,
      ` of ${String(figures.rounds)} went wrong`,
    ),
    ...figures.roundFailures.map((failure) => `    ${failure}`),
    zero(
      'hostile requests',
      figures.fuzzFailures.length,
      ` of ${String(figures.fuzzed)} answered wrongly`,
    ),
    ...figures.fuzzFailures.map((failure) => `    ${failure}`),
    zero('unhandled rejections', figures.unhandledRejections),
    line(
      'longest answer',
      `${String(figures.longestAnswerMs)} ms, ${figures.longestAnswer} (authTimeout ${String(AUTH_TIMEOUT_MS)} ms; bound ${String(answerBoundMs(figures))} ms, ` +
        `with event-loop delays of ${String(longestLagMs.processes)} ms in the processes and ${String(longestLagMs.soak)} ms in the soak)`,
    ),
    line('slowest recovery', `${String(figures.slowestRecoveryMs)} ms`),
    line(
      'heap growth',
      `${figures.heapGrowthBytes.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`).join(', ')} (${String(PROCESSES)} processes, after garbage collection)`,
    ),
    failures.length === 0 ? 'All is well.' : `FAILED: ${failures.join('; ')}`,
  ].join('\n');
}

/** Writes the figures as JSON; for several databases, their sums and maxima. */
export function writeJson(file: string, seed: number, all: readonly Figures[]): void {
  const sum = (of: (figures: Figures) => number): number =>
    all.reduce((total, figures) => total + of(figures), 0);
  const json = {
    seed,
    revocations: sum((figures) => figures.revocations),
    acceptedAfterRevocation: sum((figures) => figures.acceptedAfterRevocation),
    refusedThoughValid: sum((figures) => figures.refusedThoughValid),
    overLimit: sum((figures) => figures.overLimit),
    serverErrorsOutsideFaults: sum(serverErrorsOf),
    longestAnswerMs: Math.max(...all.map((figures) => figures.longestAnswerMs)),
    slowestRecoveryMs: Math.max(...all.map((figures) => figures.slowestRecoveryMs)),
    requests: sum((figures) => figures.requests),
  };
  writeFileSync(file, `${JSON.stringify(json, null, 2)}\n`);
}

const line = (name: string, value: string): string => `  ${name.padEnd(30)} ${value}`;

const listOf = (entries: readonly (readonly [string, number])[]): string =>
  entries.map(([name, count]) => `${String(count)} ${name}`).join(', ') || 'none';

const detailsOf = (counts: ReadonlyMap<string, number>): string[] =>
  [...counts].map(([what, count]) => line(`    ${what}`, String(count)));

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
