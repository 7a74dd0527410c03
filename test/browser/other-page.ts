import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The name of another host, which Chromium resolves to this machine with these arguments. */
export const OTHER_HOST = 'evil.test';
export const RESOLVE_OTHER_HOST = `--host-resolver-rules=MAP ${OTHER_HOST} 127.0.0.1`;

/** A server of somebody else, with an empty page on which a test runs its scripts. */
export class OtherPage {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OtherPage> {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>Other</title>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OtherPage(server);
  }

  urlAt(host: string): string {
    return `http://${host}:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
