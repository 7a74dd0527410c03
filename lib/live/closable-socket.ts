import { clearTimeout, setTimeout } from '../async/system-timers.ts';
import { describeKind } from '../errors/knox-config.error.ts';

/** How a socket is closed whose token has ended. */
export interface ClosableSocket {
  readonly isClosed: boolean;
  /** @param reason a stable code, for the client */
  close(reason: string): void;
  /** @returns takes the listener off */
  onClosed(listener: () => void): () => void;
}

/** Of those for applications, the one that reminds of HTTP's 401. @see RFC 6455 Section 7.4.2 */
const CLOSE_CODE = 4401;

/** How long a client may take to answer the close frame, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;

/** WebSocket.CLOSED */
const CLOSED = 3;

/** The part of a WebSocket of `ws` that is used here. */
interface WsSocket {
  readonly readyState: number;
  close(code: number, reason: string): void;
  terminate(): void;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  removeAllListeners(event: 'message'): unknown;
}

/** The part of a socket of a socket.io server that is used here. */
interface SocketIoSocket {
  readonly connected: boolean;
  readonly conn?: {
    readonly readyState: string;
    close(): void;
    once(event: 'close', listener: () => void): unknown;
    off(event: 'close', listener: () => void): unknown;
  };
  disconnect(close: boolean): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
  off(event: 'disconnect', listener: () => void): unknown;
}

/** @throws TypeError for what is neither a socket of `ws` nor one of a socket.io server */
export function closableSocket(socket: unknown): ClosableSocket {
  if (hasMethods(socket, 'once', 'off', 'disconnect') && 'connected' in socket) {
    return ofSocketIo(socket as unknown as SocketIoSocket);
  }
  const ofWsSocket = ['once', 'off', 'close', 'terminate', 'removeAllListeners'];
  if (hasMethods(socket, ...ofWsSocket) && 'readyState' in socket) {
    return ofWs(socket as unknown as WsSocket);
  }
  throw new TypeError(
    `socket must be a WebSocket of ws, or a client of a socket.io server; got ${describeKind(socket)}.`,
  );
}

function ofWs(socket: WsSocket): ClosableSocket {
  return {
    get isClosed() {
      return socket.readyState === CLOSED;
    },
    onClosed(listener) {
      socket.once('close', listener);
      return () => socket.off('close', listener);
    },
    close(reason) {
      // Until the client answers the close frame, ws would still give its messages to handlers.
      socket.removeAllListeners('message');
      // A client that does not answer is cut off.
      const timer = setTimeout(() => {
        socket.terminate();
      }, CLOSE_GRACE_MS).unref();
      socket.once('close', () => {
        clearTimeout(timer);
      });
      socket.close(CLOSE_CODE, reason);
    },
  };
}

function ofSocketIo(socket: SocketIoSocket): ClosableSocket {
  const { conn } = socket;
  return {
    // In a middleware of the namespace, it is not connected yet.
    get isClosed() {
      return !socket.connected && conn?.readyState !== 'open';
    },
    onClosed(listener) {
      socket.once('disconnect', listener);
      conn?.once('close', listener);
      return () => {
        socket.off('disconnect', listener);
        conn?.off('close', listener);
      };
    },
    close() {
      if (socket.connected) socket.disconnect(true);
      else conn?.close();
    },
  };
}

function hasMethods(value: unknown, ...names: readonly string[]): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
