import { once, type EventEmitter } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

/** The headers of the upgrade request. For a list, one header line is sent for each value. */
export type SocketHeaders = Record<string, string | string[]>;

interface SocketAnswer {
  event: string;
  data: any;
}

/** A client of a gateway, over a real socket. */
export interface SocketClient {
  /** Sends a message. Gives the event that answers it. */
  ask(event: string, data?: unknown): Promise<SocketAnswer>;
  close(): void;
}

/** Opens a socket. Rejects if the server refuses it. */
type OpenSocket = (url: string, headers?: SocketHeaders) => Promise<SocketClient>;

/**
 * Sends a refusal to the client of the ws adapter. With NestJS 11 it is no more than an event of the server's own socket;
 * NestJS 12 sends it, and emits no such event.
 */
export function sendExceptions(socket: object): void {
  const ws = socket as EventEmitter & { send(text: string): void };
  ws.on('exception', (data: unknown) => ws.send(JSON.stringify({ event: 'exception', data })));
}

/** Matches answers to messages by their order. */
class Answers {
  readonly #waiting: ((answer: SocketAnswer) => void)[] = [];

  next(): Promise<SocketAnswer> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  take(answer: SocketAnswer): void {
    this.#waiting.shift()?.(answer);
  }
}

/** @param auth what a browser can send, as it can set no headers */
export const openSocketIo = async (
  url: string,
  headers: SocketHeaders = {},
  auth: object = {},
): Promise<SocketClient> => {
  const socket = io(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth,
    extraHeaders: headers as Record<string, string>,
  });
  const answers = new Answers();
  socket.onAny((event: string, data: unknown) => answers.take({ event, data }));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('connect_error', reject);
  });
  return {
    ask(event, data = {}) {
      const answer = answers.next();
      socket.emit(event, data);
      return answer;
    },
    close: () => socket.disconnect(),
  };
};

export const openWs: OpenSocket = async (url, headers = {}) => {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  const answers = new Answers();
  socket.on('message', (text: Buffer) => answers.take(JSON.parse(text.toString()) as SocketAnswer));
  await once(socket, 'open');
  return {
    ask(event, data = {}) {
      const answer = answers.next();
      socket.send(JSON.stringify({ event, data }));
      return answer;
    },
    close: () => socket.close(),
  };
};
