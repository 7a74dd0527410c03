import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { NumberedAnswer } from './me-gateway.ts';

/** Later than this, in milliseconds, a message counts as not answered. */
export const ANSWER_TIMEOUT_MS = 30_000;

interface Waiting {
  resolve(answer: NumberedAnswer): void;
  reject(error: Error): void;
}

/** A socket to a `MeGateway`, which finds the answer to each of its messages by its number. */
export class NumberedSocket {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  /** The messages from the server that answer none of ours. */
  readonly unasked: string[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (text: Buffer) => this.#take(text.toString()));
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the socket was closed'));
    });
  }

  /** Rejects if the server refuses the socket. */
  static async open(url: string, token: string): Promise<NumberedSocket> {
    const headers = { authorization: `Token ${token}` };
    const socket = new WebSocket(url.replace('http', 'ws'), { headers });
    await once(socket, 'open');
    return new NumberedSocket(socket);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends a message, whose data may have more than its number. Rejects if the socket is closed, or no answer comes. */
  async ask(event: string, data: object = {}): Promise<NumberedAnswer> {
    if (!this.isOpen) throw new Error('the socket is closed');
    const number = ++this.#last;
    const answer = new Promise<NumberedAnswer>((resolve, reject) =>
      this.#waiting.set(number, { resolve, reject }),
    );
    this.#socket.send(JSON.stringify({ event, data: { ...data, number } }));
    const late = setTimeout(() => {
      this.#waiting.get(number)?.reject(new Error(`no answer to the message ${event}`));
    }, ANSWER_TIMEOUT_MS);
    try {
      return await answer;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(number);
    }
  }

  /** Sends what may be no message at all. */
  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(text: string): void {
    const { data } = JSON.parse(text) as { data: Partial<NumberedAnswer> };
    const waiting = this.#waiting.get(Number(data.number));
    if (waiting) waiting.resolve(data as NumberedAnswer);
    else this.unasked.push(text);
  }
}
