// A network between the application and its database, in a process of its own: it passes on what it gets, later.
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { PreciseTimers } from './precise-timers.ts';
import { serveRpc } from './rpc.ts';

export interface Distance {
  /** The port of the database server on this machine. */
  readonly port: number;
  /** How much later an answer comes, in milliseconds: each direction takes half of it. */
  readonly roundTripMs: number;
}

/** Listens for clients of that server. Gives the port. */
function open({ port, roundTripMs }: Distance): Promise<number> {
  const timers = roundTripMs === 0 ? null : new PreciseTimers(roundTripMs / 2);
  // Each chunk has a delay of its own, so that one does not wait for another.
  const later = (run: () => void): void => {
    if (timers) timers.add(run);
    else run();
  };
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => later(() => to.write(chunk)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => to.destroy());
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    pass(client, target);
    pass(target, client);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

serveRpc({ open });
