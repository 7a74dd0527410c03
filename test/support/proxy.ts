import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A commit, as both PostgreSQL's and MariaDB's clients send it. */
export const COMMIT = /COMMIT(?!TED)/;

/** What comes from a client, and what a server answers. */
type Direction = 'request' | 'reply';

/** One client's connection and the one to the server that goes with it. */
class Link {
  readonly #waiting: [Socket, Buffer | null][] = [];
  /** Directions that are stopped on this link alone. */
  readonly stopped = new Set<Direction>();

  constructor(
    readonly client: Socket,
    readonly server: Socket,
  ) {}

  /** Sends on, or keeps until the direction is open again; null is the end of the stream. */
  pass(to: Socket, chunk: Buffer | null, isOpen: boolean): void {
    if (isOpen) send(to, chunk);
    else this.#waiting.push([to, chunk]);
  }

  flush(): void {
    for (const [to, chunk] of this.#waiting.splice(0)) send(to, chunk);
  }

  /** Forgets what waits: packets that are lost for good. */
  lose(): void {
    this.#waiting.length = 0;
  }

  close(): void {
    this.client.destroy();
    this.server.destroy();
  }
}

function send(to: Socket, chunk: Buffer | null): void {
  if (chunk) to.write(chunk);
  else to.end();
}

/** What to do with a certain request. */
interface Snare {
  readonly pattern: RegExp;
  readonly spring: (link: Link) => 'forward' | 'keep';
  readonly sprung: () => void;
}

/** Stands between an application and a database server, and lets a test break what is between them. */
export class Proxy {
  readonly #target: { host: string; port: number };
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #frozen = false;
  #rejects = false;
  #snare: Snare | undefined;
  readonly #counters: ((request: string) => void)[] = [];
  #delayMs = 0;
  #lastPassed = 0;
  /** How often a client has tried to connect. */
  attempts = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  static async start(target: { host: string; port: number }): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** How many clients are connected. */
  get connections(): number {
    return [...this.#links].filter(({ client }) => !client.destroyed && !client.readableEnded)
      .length;
  }

  /** Takes connections again, on the same port. */
  async accept(): Promise<void> {
    if (this.#server?.listening) return;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#link(client));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections; those that are there go on. */
  refuse(): void {
    this.#server?.close();
  }

  /** Takes connections only to close them at once. */
  rejectAll(rejects: boolean): void {
    this.#rejects = rejects;
  }

  /** Closes the connections that are there. */
  drop(): void {
    for (const link of this.#links) link.close();
  }

  /** The server is gone: nobody is connected, and nobody can connect. Also the end of a test. */
  shutDown(): void {
    this.refuse();
    this.drop();
  }

  /** Stops forwarding, and closes nothing: who connects now waits as well. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Goes on where it was frozen, with all that was sent meanwhile. */
  thaw(): void {
    this.#frozen = false;
    for (const link of this.#links) {
      link.stopped.clear();
      link.flush();
    }
  }

  /** Forwards everything so many milliseconds late. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Resolves when nothing has passed for so many milliseconds. */
  async quiet(ms: number): Promise<void> {
    for (let rest = ms; rest > 0; rest = this.#lastPassed + ms - performance.now())
      await sleep(rest);
  }

  /** Goes on with new connections; those that are there hear nothing more, not even an end. */
  forsake(): void {
    for (const link of this.#links) {
      link.stopped.add('request').add('reply');
      link.lose();
    }
    this.#frozen = false;
  }

  /** Forwards the next request that matches, then not a byte of an answer on its link. */
  swallowReplyTo(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('reply');
      return 'forward';
    });
  }

  /** Forwards the next request that matches; then its link breaks before any answer. */
  breakAfter(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('reply');
      link.client.destroy();
      return 'forward';
    });
  }

  /** Keeps the next request that matches until `thaw`, and breaks its link for the client alone. */
  breakAt(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('request').add('reply');
      link.client.destroy();
      return 'keep';
    });
  }

  /** Keeps the next request that matches, and all after it on its link, until `thaw`. */
  holdAt(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('request');
      return 'keep';
    });
  }

  /** Resolves when a request that matches passes. */
  sees(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, () => 'forward');
  }

  /** Counts the requests that match from now on, whether or not they are forwarded. */
  count(pattern: RegExp): () => number {
    let count = 0;
    this.#counters.push((request) => {
      if (pattern.test(request)) count++;
    });
    return () => count;
  }

  /** Freezes everything, the request that matches included. */
  freezeAt(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, () => {
      this.#frozen = true;
      return 'keep';
    });
  }

  #lay(pattern: RegExp, spring: Snare['spring']): Promise<void> {
    return new Promise((sprung) => (this.#snare = { pattern, spring, sprung }));
  }

  #link(client: Socket): void {
    this.attempts++;
    if (this.#rejects) {
      client.destroy();
      return;
    }
    const link = new Link(client, connect({ ...this.#target, allowHalfOpen: true }));
    this.#links.add(link);
    this.#pipe(link, link.client, link.server, 'request');
    this.#pipe(link, link.server, link.client, 'reply');
  }

  #pipe(link: Link, from: Socket, to: Socket, direction: Direction): void {
    from.setNoDelay(true);
    const isOpen = (): boolean => !this.#frozen && !link.stopped.has(direction);
    from.on('data', (chunk) => {
      this.#lastPassed = performance.now();
      const kept = direction === 'request' && this.#springs(link, chunk) === 'keep';
      const pass = (): void => link.pass(to, chunk, !kept && isOpen());
      if (this.#delayMs > 0) setTimeout(pass, this.#delayMs);
      else pass();
    });
    from.on('end', () => link.pass(to, null, isOpen()));
    from.on('error', () => undefined);
    from.on('close', () => {
      if (to.destroyed) this.#links.delete(link);
      // After all that was sent before, which may be held back.
      else link.pass(to, null, isOpen());
    });
  }

  #springs(link: Link, chunk: Buffer): 'forward' | 'keep' {
    const request = chunk.toString('latin1');
    for (const count of this.#counters) count(request);
    const snare = this.#snare;
    if (!snare?.pattern.test(request)) return 'forward';
    this.#snare = undefined;
    const verdict = snare.spring(link);
    snare.sprung();
    return verdict;
  }
}
