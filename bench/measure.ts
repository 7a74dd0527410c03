import type { AddressInfo } from 'node:net';
import type { DataSourceOptions } from 'typeorm';
import {
  headerOf,
  userNameOf,
  type Credential,
  type CredentialKind,
  type Tokens,
} from './credentials.ts';
import type { DatabaseServer } from './database-servers.ts';
import type { Load, LoadResult, PacedLoad, Prepare } from './load.ts';
import { LOAD_CORE, SERVER_CORE, WorkerProcess } from './rpc.ts';
import type { Usage } from './servers/serve.ts';

export const ADAPTERS = ['express', 'fastify'] as const;

export type AdapterName = (typeof ADAPTERS)[number];

/** This checkout's package, or the one that `--against` names. */
export type Build = 'current' | 'before';

/** How many connections the load has, if nothing else is said. */
export const CONNECTIONS = 32;

export interface LoadSettings {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The instant at which all rounds should be over: runs are shortened to meet it. Default: none. */
  readonly deadline?: number;
}

/** The figures of one run. */
export interface Measurement {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server's process, in milliseconds a request. */
  readonly cpuMsPerRequest: number;
  /** CPU time of the database's processes, in milliseconds a request; NaN without a database server. */
  readonly databaseCpuMs: number;
  /** Statements that the server's process sent to the database, per request. */
  readonly statementsPerRequest: number;
}

type Figure = keyof Measurement;

export class LoadGenerator {
  private constructor(private readonly worker: WorkerProcess) {}

  static async start(): Promise<LoadGenerator> {
    return new LoadGenerator(await WorkerProcess.start('load.js', { core: LOAD_CORE }));
  }

  prepare(requests: Prepare): Promise<void> {
    return this.worker.ask('prepare', requests);
  }

  /** Opens the connections of the next run. */
  open(load: Load): Promise<void> {
    return this.worker.ask('open', load);
  }

  run(load: Load): Promise<LoadResult> {
    return this.worker.ask('run', load);
  }

  runPaced(load: PacedLoad): Promise<LoadResult> {
    return this.worker.ask('runPaced', load);
  }

  stop(): Promise<void> {
    return this.worker.stop();
  }
}

interface ServerOptions {
  readonly adapter: AdapterName;
  readonly database: DataSourceOptions | null;
  readonly databaseServer?: DatabaseServer | undefined;
  /** Default: 'current'. */
  readonly build?: Build | undefined;
  /** More options for KnoxModule. */
  readonly knox?: Readonly<Record<string, unknown>>;
  /** Those that requests are made with, for a guard without a database. */
  readonly tokens?: Tokens;
  readonly nodeArgs?: string[];
}

/** One of the servers under test, in its own process on its own core. */
export class Server {
  private constructor(
    readonly worker: WorkerProcess,
    readonly port: number,
    private readonly databaseServer: DatabaseServer | undefined,
  ) {}

  static async start(name: string, options: ServerOptions): Promise<Server> {
    const { adapter, database, databaseServer, build, knox, tokens, nodeArgs = [] } = options;
    const folder = build === 'before' ? 'before/servers' : 'servers';
    const worker = await WorkerProcess.start(`${folder}/${name}.js`, {
      core: SERVER_CORE,
      args: [JSON.stringify({ adapter, database, knox, tokens })],
      nodeArgs,
    });
    const { port } = await worker.ask<AddressInfo>('port');
    return new Server(worker, port, databaseServer);
  }

  /**
   * Checks that a good credential gets the right answer, and a forged one a 401.
   *
   * @param isRight whether the answer is right; default: whether it is the credential's own user
   */
  async check(
    kind: CredentialKind | null,
    credential: Credential,
    isRight?: (body: string) => boolean,
  ): Promise<void> {
    const [name, good] = headerOf(kind ?? 'knox', credential);
    const { status, body } = await this.get(name, good);
    const expected = JSON.stringify({ id: credential.user, username: userNameOf(credential.user) });
    if (status !== 200 || !(isRight?.(body) ?? body === expected)) {
      throw new Error(`Expected ${isRight ? isRight.name : expected}, got ${status} ${body}`);
    }
    if (kind === null) return;
    // Not the last character: in base64, some of its bits may not count.
    const forged = good.replace(/.(?=.{5}$)/, (character) => (character === 'a' ? 'b' : 'a'));
    const refusal = await this.get(name, forged);
    if (refusal.status !== 401) throw new Error(`A forged credential got ${refusal.status}`);
  }

  /** One run. CPU time and statements are counted from its first request to its last. */
  async measure(generator: LoadGenerator, given: Omit<Load, 'port'>): Promise<Measurement> {
    const load = { ...given, port: this.port };
    await generator.open(load);
    const databaseCpu = this.databaseServer?.cpuMs() ?? NaN;
    const before = await this.worker.ask<Usage>('usage');
    const { requests, seconds, p50Ms, p99Ms } = await generator.run(load);
    const after = await this.worker.ask<Usage>('usage');
    return {
      rps: requests / seconds,
      p50Ms,
      p99Ms,
      cpuMsPerRequest: (after.cpuMs - before.cpuMs) / requests,
      databaseCpuMs: ((this.databaseServer?.cpuMs() ?? NaN) - databaseCpu) / requests,
      statementsPerRequest: (after.statements - before.statements) / requests,
    };
  }

  stop(): Promise<void> {
    return this.worker.stop();
  }

  private async get(name: string, value: string): Promise<{ status: number; body: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/me`, { headers: { [name]: value } });
    return { status: answer.status, body: await answer.text() };
  }
}

export interface Entry {
  readonly label: string;
  readonly server: Server;
  /** The name under which the generator has prepared the requests. */
  readonly requests: string;
  /** Default: CONNECTIONS. */
  readonly connections?: number;
}

/**
 * Warms all servers up, then measures them in turns, round by round, so that a disturbance by the
 * machine hits all alike. Stops them. Gives each entry its measurements, one a round.
 */
export async function measureInTurns<E extends Entry>(
  generator: LoadGenerator,
  entries: readonly E[],
  { rounds, warmUpMs, measureMs, deadline = Infinity }: LoadSettings,
): Promise<(E & { readonly measurements: readonly Measurement[] })[]> {
  const run = ({ server, requests, connections = CONNECTIONS }: Entry, ms: number) =>
    server.measure(generator, { requests, connections, ms });
  for (const entry of entries) {
    await run(entry, warmUpMs);
    process.stderr.write(`warm: ${entry.label}\n`);
  }
  const results = entries.map((entry) => ({ ...entry, measurements: [] as Measurement[] }));
  for (let round = 1; round <= rounds; round += 1) {
    // There and back, so that a steady drift of the machine favours no entry.
    const turns = round % 2 === 1 ? results : results.toReversed();
    for (const [index, entry] of turns.entries()) {
      const left = (rounds - round + 1) * entries.length - index;
      const ms = Math.max(300, Math.min(measureMs, (deadline - Date.now()) / left / 1.2 - 40));
      // Lead-in: connections, caches and clock speed get to where they are in the middle of a run.
      await run(entry, ms / 8);
      const measurement = await run(entry, ms);
      entry.measurements.push(measurement);
      process.stderr.write(`round ${round}: ${entry.label}: ${measurement.rps.toFixed(0)}/s\n`);
    }
  }
  for (const server of new Set(entries.map((entry) => entry.server))) await server.stop();
  return results;
}

/** The median of each figure. */
export function medianOf(measurements: readonly Measurement[]): Measurement {
  const middle = (figure: Figure): number => median(measurements.map((one) => one[figure]));
  return {
    rps: middle('rps'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    cpuMsPerRequest: middle('cpuMsPerRequest'),
    databaseCpuMs: middle('databaseCpuMs'),
    statementsPerRequest: middle('statementsPerRequest'),
  };
}

/** Round by round, so that disturbances by the machine cancel out: the ratios in ascending order. */
export function ratiosOf(
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  figure: Figure,
): number[] {
  return ours.map((one, round) => one[figure] / theirs[round]![figure]).sort((a, b) => a - b);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const last = sorted.length - 1;
  return (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
}
