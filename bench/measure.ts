import type { AddressInfo } from 'node:net';
import type { DataSourceOptions } from 'typeorm';
import { authorization, userNameOf, type CredentialKind, type Owned } from './credentials.ts';
import type { DatabaseServer } from './database-servers.ts';
import type { Load, LoadResult, Prepare } from './load.ts';
import { Helper, OTHER_CORE, SERVER_CORE } from './rpc.ts';

export type AdapterName = 'express' | 'fastify';

/** What one run has shown. */
export interface Sample {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server's process, milliseconds a request. */
  readonly cpuMsPerRequest: number;
  /** Of the database's processes, milliseconds a request; NaN where there is none. */
  readonly databaseCpuMs: number;
  /** Of the load generator, milliseconds a request. */
  readonly loadCpuMs: number;
}

export class LoadGenerator {
  private constructor(private readonly helper: Helper) {}

  static async start(): Promise<LoadGenerator> {
    return new LoadGenerator(await Helper.start('load.js', { core: OTHER_CORE }));
  }

  prepare(requests: Prepare): Promise<void> {
    return this.helper.ask('prepare', requests);
  }

  run(load: Load): Promise<LoadResult> {
    return this.helper.ask('run', load);
  }

  stop(): Promise<void> {
    return this.helper.stop();
  }
}

export interface ServerOptions {
  readonly adapter: AdapterName;
  readonly database: DataSourceOptions | null;
  readonly databaseServer?: DatabaseServer | undefined;
  readonly nodeArgs?: string[];
}

/** One of the servers under test, in a process of its own on a core of its own. */
export class Server {
  private constructor(
    readonly helper: Helper,
    readonly port: number,
    private readonly databaseServer: DatabaseServer | undefined,
  ) {}

  static async start(name: string, options: ServerOptions): Promise<Server> {
    const { adapter, database, nodeArgs = [] } = options;
    const helper = await Helper.start(`servers/${name}.js`, {
      core: SERVER_CORE,
      args: [JSON.stringify({ adapter, database })],
      nodeArgs,
    });
    const { port } = await helper.ask<AddressInfo>('port');
    return new Server(helper, port, options.databaseServer);
  }

  /** That a good credential gets its own user, and a forged one nothing. */
  async check(kind: CredentialKind | null, owned: Owned): Promise<void> {
    const good = authorization(kind ?? 'knox', owned);
    const { status, body } = await this.get(good);
    const expected = JSON.stringify({ id: owned.user, username: userNameOf(owned.user) });
    if (status !== 200 || body !== expected) {
      throw new Error(`Expected ${expected}, got ${status} ${body}`);
    }
    if (kind === null) return;
    // Not the last character, which may not count in base64.
    const forged = good.replace(/.(?=.{5}$)/, (character) => (character === 'a' ? 'b' : 'a'));
    const refusal = await this.get(forged);
    if (refusal.status !== 401) throw new Error(`A forged credential got ${refusal.status}`);
  }

  /** One run, of which the CPU time is measured from its first request to its last. */
  async measure(generator: LoadGenerator, load: Omit<Load, 'port'>): Promise<Sample> {
    const database = this.databaseServer?.cpuMs() ?? NaN;
    const cpu = await this.helper.ask<NodeJS.CpuUsage>('cpu');
    const result = await generator.run({ ...load, port: this.port });
    const { user, system } = await this.helper.ask<NodeJS.CpuUsage>('cpu');
    const databaseCpu = (this.databaseServer?.cpuMs() ?? NaN) - database;
    return {
      rps: result.requests / result.seconds,
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      cpuMsPerRequest: (user - cpu.user + system - cpu.system) / 1000 / result.requests,
      databaseCpuMs: databaseCpu / result.requests,
      loadCpuMs: result.cpuMs / result.requests,
    };
  }

  stop(): Promise<void> {
    return this.helper.stop();
  }

  private async get(authorization: string): Promise<{ status: number; body: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/me`, { headers: { authorization } });
    return { status: answer.status, body: await answer.text() };
  }
}

/** Of each figure, the one in the middle. */
export function medianOf(samples: readonly Sample[]): Sample {
  const middle = (key: keyof Sample): number => median(samples.map((sample) => sample[key]));
  return {
    rps: middle('rps'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    cpuMsPerRequest: middle('cpuMsPerRequest'),
    databaseCpuMs: middle('databaseCpuMs'),
    loadCpuMs: middle('loadCpuMs'),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const last = sorted.length - 1;
  return (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
}
