// The clients of `memory`, in their own process: hostile tokens, users who log in, and live sockets.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { headerOf, rawToken, userNameOf } from './credentials.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';
import { serveRpc } from './rpc.ts';

/** Those with the numbers `from` to `to`. */
export interface Visits {
  readonly port: number;
  readonly from: number;
  readonly to: number;
}

const CONNECTIONS = 32;

/** How many sockets are opened at once. */
const OPENED_AT_ONCE = 200;

/** One in so many hostile tokens is malformed. */
const MALFORMED_EACH = 5;

const sockets = new Map<number, WebSocket>();

/** Tokens that nobody has; each must be a 401. */
async function hostile({ port, from, to }: Visits): Promise<void> {
  let number = from;
  await onConnections(port, 401, () => () => {
    if (number > to) return null;
    const token = rawToken(number);
    const isMalformed = number % MALFORMED_EACH === 0;
    number += 1;
    return getMe(isMalformed ? `${token.slice(0, 40 + (number % 20))}.${number}` : token);
  });
}

/** Each logs in and uses its token once. */
async function owners({ port, from, to }: Visits): Promise<void> {
  let user = from;
  await onConnections(port, 200, () => {
    let hasLoggedIn = false;
    return (answer) => {
      if (hasLoggedIn) {
        hasLoggedIn = false;
        return getMe(/"token":"(\w+)"/.exec(answer!)![1]!);
      }
      if (user > to) return null;
      hasLoggedIn = true;
      return login(user++);
    };
  });
}

/** Opens a socket for each of the tokens. */
async function open({ port, from, to }: Visits): Promise<void> {
  for (let start = from; start <= to; start += OPENED_AT_ONCE) {
    const count = Math.min(OPENED_AT_ONCE, to - start + 1);
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const number = start + index;
        const [name, value] = headerOf('knox', { token: number, user: number });
        const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { [name]: value } });
        sockets.set(number, socket);
        socket.on('close', () => sockets.delete(number));
        await once(socket, 'message');
      }),
    );
  }
}

/** Closes the sockets of these tokens. */
async function close({ from, to }: Visits): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    const socket = sockets.get(number)!;
    socket.close();
    await once(socket, 'close');
  }
}

/** Calls `visit` for each connection. It gives what to ask after each answer; null ends the connection. */
async function onConnections(
  port: number,
  status: number,
  visit: () => (answer: string | null) => string | null,
): Promise<void> {
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () => {
      const next = visit();
      const go = (answer: string | null): void => {
        const request = next(answer);
        if (request === null) connection.end();
        else connection.ask(Buffer.from(request));
      };
      const connection = new KeepAliveConnection(
        port,
        () => go(null),
        (_, answer) => go(answer),
        status,
      );
      return connection.closed;
    }),
  );
}

const HEAD = 'HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n';

function getMe(token: string): string {
  return `GET /me ${HEAD}Authorization: Token ${token}\r\n\r\n`;
}

function login(user: number): string {
  const body = JSON.stringify({ username: userNameOf(user), password: 'any' });
  return `POST /auth/login ${HEAD}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

serveRpc({ hostile, owners, open, close, opened: () => sockets.size });
