// One connection of the load generator: a request, its whole answer, the next request.
import { connect, type Socket } from 'node:net';

/** Calls back with each answer and its latency in milliseconds. Any other status than `status` is a failure. */
export class KeepAliveConnection {
  /** Rejects after a failure. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #buffer = Buffer.alloc(65_536);
  readonly #onAnswer: (latencyMs: number, answer: string) => void;
  readonly #status: number;
  #sent = 0;
  #received = '';
  #isEnding = false;

  constructor(
    port: number,
    onOpen: () => void,
    onAnswer: (latencyMs: number, answer: string) => void,
    status = 200,
  ) {
    this.#onAnswer = onAnswer;
    this.#status = status;
    const onread = { buffer: this.#buffer, callback: (length: number) => this.#receive(length) };
    this.#socket = connect({ port, host: '127.0.0.1', onread }, onOpen);
    this.#socket.setNoDelay(true);
    this.closed = new Promise((resolve, reject) => {
      this.#socket.on('error', reject);
      this.#socket.on('close', () => {
        if (this.#isEnding) resolve();
        else reject(new Error('The server closed a connection.'));
      });
    });
  }

  ask(request: Buffer): void {
    this.#sent = performance.now();
    this.#socket.write(request);
  }

  end(): void {
    this.#isEnding = true;
    this.#socket.end();
  }

  fail(reason: string): void {
    this.#socket.destroy(new Error(reason));
  }

  #receive(length: number): boolean {
    this.#received += this.#buffer.toString('latin1', 0, length);
    const missing = missingBytes(this.#received);
    if (missing > 0) return true;
    const latencyMs = performance.now() - this.#sent;
    if (missing < 0 || !this.#received.startsWith(`HTTP/1.1 ${this.#status} `)) {
      this.fail(`An answer that is no ${this.#status}: ${this.#received}`);
      return true;
    }
    const answer = this.#received;
    this.#received = '';
    this.#onAnswer(latencyMs, answer);
    return true;
  }
}

/** How many bytes of the answer are missing; negative if there are too many, or if it tells no length. */
function missingBytes(received: string): number {
  const head = received.indexOf('\r\n\r\n');
  if (head < 0) return 1;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received.slice(0, head + 2))?.[1];
  return length === undefined ? -1 : head + 4 + Number(length) - received.length;
}
