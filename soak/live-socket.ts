import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { HttpClient } from '../test/support/http-client.ts';
import { LIVE_PATH } from './live.gateway.ts';
import type { SoakAnswer } from './transports.ts';

/** How the server has closed a socket. */
export interface Closing {
  readonly at: number;
  /** The code of the exception; '' if the connection was lost. */
  readonly reason: string;
}

/** A socket to the LiveGateway. */
export class LiveSocket {
  #socket: WebSocket | undefined;
  #resolve!: (closing: Closing) => void;
  readonly closed = new Promise<Closing>((resolve) => {
    this.#resolve = resolve;
  });

  /** Gives the answer to the handshake. Rejects if none comes before the socket is closed. */
  async open({ url }: HttpClient, token: string): Promise<SoakAnswer> {
    const headers = { authorization: `Token ${token}` };
    const socket = new WebSocket(url.replace('http', 'ws') + LIVE_PATH, { headers });
    this.#socket = socket;
    const ended = new AbortController();
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', (_code, reason: Buffer) => {
      this.#resolve({ at: Date.now(), reason: reason.toString() });
      ended.abort(new Error('the socket was closed'));
    });
    const [answer] = (await once(socket, 'message', { signal: ended.signal })) as [Buffer];
    return JSON.parse(answer.toString()) as SoakAnswer;
  }

  close(): void {
    this.#socket?.terminate();
  }
}
