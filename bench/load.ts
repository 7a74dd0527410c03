// The load generator, in its own process: one request at a time on each keep-alive connection, no pipelining. All requests
// are built before a run, because the generator shares its core with the database.
import { connect, type Socket } from 'node:net';
import { headerOf, type CredentialKind, type Credential } from './credentials.ts';
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

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Fails the run if an answer is still missing so long after its end, in milliseconds. */
const ANSWER_TIMEOUT_MS = 20_000;

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

async function run(load: Load): Promise<LoadResult> {
  const requests = prepared.get(load.requests)!;
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + load.ms;
  await Promise.all(
    Array.from({ length: load.connections }, () => connection(load, requests, end, latencies)),
  );
  const seconds = (performance.now() - start) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (q: number): number => sorted[Math.ceil(q * sorted.length) - 1] ?? NaN;
  return {
    requests: sorted.length,
    seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

/** One connection: a request, its whole answer, the next request. Any answer but a 200 fails the run. */
function connection(
  load: Load,
  requests: readonly Buffer[],
  end: number,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.alloc(65_536);
    let sent = 0;
    let received = '';
    let done = false;

    const fail = (reason: string): void => {
      socket.destroy();
      reject(new Error(reason));
    };
    const timeout = setTimeout(() => fail('No answer came.'), load.ms + ANSWER_TIMEOUT_MS);
    const next = (): void => {
      sent = performance.now();
      socket.write(requests[(Math.random() * requests.length) | 0]!);
    };
    const receive = (length: number): boolean => {
      received += buffer.toString('latin1', 0, length);
      const missing = missingBytes(received);
      if (missing > 0) return true;
      const now = performance.now();
      if (missing < 0 || !received.startsWith('HTTP/1.1 200 ')) {
        fail(`An answer that is no 200: ${received}`);
        return true;
      }
      received = '';
      latencies.push(now - sent);
      if (now < end) {
        next();
      } else {
        done = true;
        socket.end();
      }
      return true;
    };
    const socket: Socket = connect(
      { port: load.port, host: '127.0.0.1', onread: { buffer, callback: receive } },
      next,
    );
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timeout);
      if (done) resolve();
      else reject(new Error('The server closed a connection.'));
    });
  });
}

/** How many bytes of the answer are missing; negative if there are too many, or if it tells no length. */
function missingBytes(received: string): number {
  const head = received.indexOf('\r\n\r\n');
  if (head < 0) return 1;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received.slice(0, head + 2))?.[1];
  return length === undefined ? -1 : head + 4 + Number(length) - received.length;
}

serveRpc({ prepare, run });
