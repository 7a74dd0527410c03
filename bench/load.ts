// The load generator, in its own process: one request at a time on each keep-alive connection, no pipelining. All requests
// are built before a run, because the generator shares its core with the database.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { headerOf, type CredentialKind, type Credential } from './credentials.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';
import { serveRpc } from './rpc.ts';

export interface Prepare {
  readonly name: string;
  readonly kind: CredentialKind;
  readonly credentials: readonly Credential[];
}

export interface Load {
  readonly port: number;
  /** The name of prepared requests. Each request is a random one of them. */
  readonly requests: string;
  readonly connections: number;
  readonly ms: number;
}

/** A load that does not wait for answers. */
export interface PacedLoad extends Omit<Load, 'port'> {
  /** Servers that get the same load each, at once. */
  readonly ports: readonly number[];
  /** Requests per second to each. */
  readonly rate: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Fails the run if an answer is still missing so long after its end, in milliseconds. */
const ANSWER_TIMEOUT_MS = 20_000;

/** How long a paced load takes to open its connections, in milliseconds. */
const WARM_UP_MS = 200;

/** The pause between two looks for requests that are due, in milliseconds. */
const SLICE_MS = 0.1;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const prepared = new Map<string, Buffer[]>();

function prepare({ name, kind, credentials }: Prepare): void {
  prepared.set(
    name,
    credentials.map((credential) =>
      Buffer.from(
        `GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n${headerOf(kind, credential).join(': ')}\r\n\r\n`,
      ),
    ),
  );
}

/** A connection, and what it does with an answer. */
interface OpenConnection {
  readonly connection: KeepAliveConnection;
  onAnswer: (latencyMs: number) => void;
}

/** The connections of the next run. */
let opened: readonly OpenConnection[] = [];

/**
 * Opens the connections, and waits for one answer on each: a busy server accepts a connection only now and then, long
 * after its client takes it for open, and would leave some without an answer for the whole run.
 */
async function open({ port, requests, connections, ms }: Load): Promise<void> {
  const answers: Promise<void>[] = [];
  opened = Array.from({ length: connections }, () => {
    const connection = new KeepAliveConnection(
      port,
      () => connection.ask(randomOf(prepared.get(requests)!)),
      (latencyMs) => each.onAnswer(latencyMs),
    );
    const each: OpenConnection = { connection, onAnswer: () => {} };
    const answer = new Promise<void>((resolve) => (each.onAnswer = () => resolve()));
    answers.push(Promise.race([answer, endOf(connection, ms)]));
    return each;
  });
  await Promise.all(answers);
}

/** Sends requests on the opened connections, and closes them. */
async function run(load: Load): Promise<LoadResult> {
  const requests = prepared.get(load.requests)!;
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + load.ms;
  for (const each of opened) {
    const { connection } = each;
    const next = (): void => connection.ask(randomOf(requests));
    each.onAnswer = (latencyMs) => {
      latencies.push(latencyMs);
      if (performance.now() < end) next();
      else connection.end();
    };
    next();
  }
  await Promise.all(opened.map(({ connection }) => connection.closed));
  return resultOf(latencies, start);
}

/** Requests come at random instants, as those of many clients do, whether or not others are answered. */
async function runPaced({ ports, rate, ms, ...load }: PacedLoad): Promise<LoadResult> {
  const requests = prepared.get(load.requests)!;
  const latencies: number[] = [];
  const pause = (): number => (-Math.log(1 - Math.random()) * 1000) / rate;
  const start = performance.now();
  const ends: Promise<void>[] = [];
  const servers = ports.map((port) => {
    const idle: KeepAliveConnection[] = [];
    const open = (): void => {
      const connection = new KeepAliveConnection(
        port,
        () => idle.push(connection),
        (latencyMs) => {
          latencies.push(latencyMs);
          idle.push(connection);
        },
      );
      ends.push(endOf(connection, ms));
    };
    for (let opened = 0; opened < load.connections; opened += 1) open();
    return { idle, nextAt: start + WARM_UP_MS + pause() };
  });
  const failed = Promise.all(ends);
  while (performance.now() < start + WARM_UP_MS + ms) {
    for (const server of servers) {
      while (server.nextAt <= performance.now() && server.idle.length > 0) {
        server.idle.pop()!.ask(randomOf(requests));
        server.nextAt += pause();
      }
    }
    // Timers wait in whole milliseconds, and would send the requests of one together.
    Atomics.wait(sleeper, 0, 0, SLICE_MS);
    await Promise.race([nextTurn(), failed]);
  }
  for (const { idle } of servers) {
    while (idle.length < load.connections) await Promise.race([nextTurn(), failed]);
    for (const connection of idle) connection.end();
  }
  await failed;
  return resultOf(latencies, start + WARM_UP_MS);
}

/** Rejects if an answer is missing long after the end of the load. */
function endOf(connection: KeepAliveConnection, ms: number): Promise<void> {
  const timeout = setTimeout(() => connection.fail('No answer came.'), ms + ANSWER_TIMEOUT_MS);
  return connection.closed.finally(() => clearTimeout(timeout));
}

function resultOf(latencies: readonly number[], start: number): LoadResult {
  const seconds = (performance.now() - start) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (q: number): number => sorted[Math.ceil(q * sorted.length) - 1] ?? NaN;
  return { requests: sorted.length, seconds, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

const randomOf = (requests: readonly Buffer[]): Buffer =>
  requests[(Math.random() * requests.length) | 0]!;

serveRpc({ prepare, open, run, runPaced });
