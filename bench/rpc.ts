import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The core of the server under test, and the core of everything else. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Whether processes can be pinned to a core. */
export const PINNED =
  spawnSync('taskset', ['-c', `${SERVER_CORE},${LOAD_CORE}`, 'true']).status === 0;

/** The command, pinned to a core if that is possible. */
export function pinned(core: number, command: readonly string[]): [string, string[]] {
  const [program, ...args] = PINNED ? ['taskset', '-c', String(core), ...command] : command;
  return [program!, args];
}

interface Question {
  id: number;
  name: string;
  argument: unknown;
}

interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

/** Another Node.js process of the bench, which serves calls by `serveRpc`. */
export class WorkerProcess {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #ready: Promise<unknown>;
  #asked = 0;

  private constructor(name: string, child: ChildProcess) {
    this.#process = child;
    this.#ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, ({ result }) => resolve(result));
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        const reason = new Error(`${name} ended: ${String(code ?? signal)}`);
        reject(reason);
        for (const answer of this.#waiting.values()) answer({ id: 0, error: reason.message });
      });
    });
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** Starts a compiled file of the bench, and waits until it is ready. */
  static async start(
    file: string,
    { core, args = [], nodeArgs = [] }: { core: number; args?: string[]; nodeArgs?: string[] },
  ): Promise<WorkerProcess> {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const [command, rest] = pinned(core, [process.execPath, ...nodeArgs, path, ...args]);
    const child = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const worker = new WorkerProcess(file, child);
    await worker.#ready;
    return worker;
  }

  ask<Result>(name: string, argument?: unknown): Promise<Result> {
    this.#asked += 1;
    const question: Question = { id: this.#asked, name, argument };
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(question.id, ({ result, error }) => {
        if (error === undefined) resolve(result as Result);
        else reject(new Error(error));
      });
      this.#process.send(question);
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}

/** In the worker process: reports that it is ready, and serves calls from then on. Ends with its parent. */
export function serveRpc(handlers: Record<string, (argument: any) => unknown>): void {
  const send = (message: Answer): unknown => process.send?.(message);
  process.on('message', ({ id, name, argument }: Question) => {
    void (async () => {
      try {
        send({ id, result: await handlers[name]!(argument) });
      } catch (error) {
        send({
          id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      }
    })();
  });
  process.on('disconnect', () => process.exit());
  send({ id: 0 });
}
