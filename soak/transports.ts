import type { Answer, HttpClient, Sending } from '../test/support/http-client.ts';
import { NumberedSocket } from '../test/support/numbered-socket.ts';

/** The part of an answer that the soak judges, whichever way it came. */
export type SoakAnswer = Pick<Answer, 'status' | 'body'>;

export interface SoakSending extends Sending {
  /** What stands for `:id` in the path. */
  readonly id?: string;
}

/** Sends a request to an application process. */
export type Transport = (client: HttpClient, sending: SoakSending) => Promise<SoakAnswer>;

export const http =
  (method: 'GET' | 'POST' | 'DELETE', path: string): Transport =>
  (client, { id = '', ...sending }) =>
    client.send(path.replace(':id', id), { method, ...sending });

/**
 * A GraphQL operation of one field, over HTTP. It is told as the request would be that does the same: with the status
 * and body of its error, and else with `status` and the field's value.
 */
export const graphql =
  (operation: string, status: number): Transport =>
  async (client, { token }) => {
    const sending = { body: { query: operation }, ...(token !== undefined && { token }) };
    const answer = await client.post('/graphql', sending);
    const { data, errors } = answer.body as {
      data?: Record<string, unknown> | null;
      errors?: { extensions?: { originalError?: Record<string, unknown> } }[];
    };
    if (!errors) return { status, body: Object.values(data ?? {})[0] as SoakAnswer['body'] };
    const error = errors[0]?.extensions?.originalError;
    if (!error) throw new Error(`GraphQL: ${answer.text}`);
    return { status: Number(error.statusCode), body: error };
  };

/** How many sockets are open at most: then those that were used longest ago are closed. */
const MAX_SOCKETS = 200;

/**
 * Sockets that stay open, one for each token and process, so that a revoked token is asked for over the socket that it
 * has opened.
 */
export class Sockets {
  readonly #sockets = new Map<string, Promise<NumberedSocket>>();

  readonly message =
    (event: string): Transport =>
    async (client, { token = '' }) => {
      const socket = await this.#socketOf(client.url, token);
      return socket.ask(event);
    };

  close(): void {
    for (const socket of this.#sockets.values()) closeLater(socket);
    this.#sockets.clear();
  }

  async #socketOf(url: string, token: string): Promise<NumberedSocket> {
    const key = `${url} ${token}`;
    const known = this.#sockets.get(key);
    // Its process may have been killed.
    const isOpen = await known?.then((socket) => socket.isOpen).catch(() => false);
    const current = this.#sockets.get(key);
    const socket =
      current && (isOpen || current !== known) ? current : NumberedSocket.open(url, token);
    // As the last one: it is used now.
    this.#sockets.delete(key);
    this.#sockets.set(key, socket);
    const [oldest] = this.#sockets;
    if (this.#sockets.size > MAX_SOCKETS && oldest) {
      this.#sockets.delete(oldest[0]);
      closeLater(oldest[1]);
    }
    return socket;
  }
}

function closeLater(socket: Promise<NumberedSocket>): void {
  socket.then((opened) => opened.close()).catch(() => undefined);
}
