import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** Options with which Node.js runs TypeScript files. */
export const TYPESCRIPT = ['--import', new URL('register.mjs', import.meta.url).href];

interface ChildOptions {
  /** The message that `serveJob` waits for. */
  job?: object;
  args?: readonly string[];
  /** Options of Node.js itself. */
  nodeOptions?: readonly string[];
  env?: Record<string, string>;
  /** How long the process may run. Default: 60,000 ms. */
  timeoutMs?: number;
}

/**
 * Runs a TypeScript file in another process, for what cannot run inside Jest. Gives the message that
 * it sends, and all that it prints.
 *
 * @throws Error with what it has printed if it ends without a message
 */
export async function runFile<Report>(
  file: URL,
  { job, args = [], nodeOptions = [], env = {}, timeoutMs = 60_000 }: ChildOptions,
): Promise<{ report: Report; output: string }> {
  const child = fork(file, args, {
    execArgv: [...nodeOptions, ...TYPESCRIPT],
    env: { ...process.env, ...env },
    silent: true,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const printed = Promise.all([text(child.stdout!), text(child.stderr!)]);
  const reported = once(child, 'message').then(([message]) => message as Report);
  if (job) child.send(job);
  const ended = printed.then((streams) => streams.join('\n'));
  const report = await Promise.race([
    reported,
    ended.then((output) => Promise.reject(new Error(output))),
  ]);
  return { report, output: await ended };
}

/** In such a file: waits for the job, sends the report, and lets the process end. */
export async function serveJob<Job>(work: (job: Job) => Promise<object>): Promise<void> {
  const [job] = (await once(process, 'message')) as [Job];
  const report = await work(job);
  process.send!(report, () => process.disconnect());
}
