import { connect } from 'node:net';

const HANGS_AFTER_MS = 15_000;

/**
 * The whole answer; fails if the connection is not closed in time. The server must have
 * `httpAllowHalfOpen` set.
 */
export function exchange(url: string, request: string, aborts = false): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }, () => {
      if (aborts) socket.write(request, 'latin1', () => socket.resetAndDestroy());
      else socket.end(request, 'latin1');
    });
    const timer = setTimeout(() => {
      reject(new Error(`No end of the answer: ${JSON.stringify(answer)}`));
      socket.destroy();
    }, HANGS_AFTER_MS);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (answer += chunk));
    // Refused before it was read to its end; what was answered may have arrived.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

export function statusesIn(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
