import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A commit, as both PostgreSQL's and MariaDB's clients send it. */
export const COMMIT = /COMMIT(?!TED)/;

/** From the client to the server, or back. */
type Direction = 'request' | 'reply';

/** A client's connection, and the connection to the server that belongs to it. */
class Link {
  readonly #waiting: [Socket, Buffer | null][] = [];
  /** The directions in which only this link has stopped. */
  readonly stopped = new Set<Direction>();

  constructor(
    readonly client: Socket,
    readonly server: Socket,
  ) {}

  /** Forwards the chunk, or keeps it until `flush`. Null is the end of the stream. */
  pass(to: Socket, chunk: Buffer | null, isOpen: boolean): void {
    if (isOpen) send(to, chunk);
    else this.#waiting.push([to, chunk]);
  }

  flush(): void {
    for (const [to, chunk] of this.#waiting.splice(0)) send(to, chunk);
  }

  /** Drops the chunks that were kept, as a network that loses packets. */
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

/** An action for the next request that matches. */
interface Snare {
  readonly pattern: RegExp;
  readonly spring: (link: Link) => 'forward' | 'keep';
  readonly sprung: () => void;
}

/** A TCP proxy between an application and a database server, which a test can make fail. */
export class Proxy {
  #target: { host: string; port: number };
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #frozen = false;
  #rejects = false;
  #snare: Snare | undefined;
  #addition: { readonly ending: string; readonly bytes: Buffer } | undefined;
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

  /** Accepts connections again, on the same port. */
  async accept(): Promise<void> {
    if (this.#server?.listening) return;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#link(client));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Sends new connections to another server. Open ones stay where they are. */
  pointAt(target: { host: string; port: number }): void {
    this.#target = target;
  }

  /** Refuses new connections. Open ones go on. */
  refuse(): void {
    this.#server?.close();
  }

  /** Accepts new connections and closes them at once. */
  rejectAll(rejects: boolean): void {
    this.#rejects = rejects;
  }

  /** Closes all open connections. */
  drop(): void {
    for (const link of this.#links) link.close();
  }

  /** Closes all open connections and refuses new ones, as if the server were down. Ends a test too. */
  shutDown(): void {
    this.refuse();
    this.drop();
  }

  /** Stops forwarding on all connections, new ones too, and closes none. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Forwards again, first all that was kept. */
  thaw(): void {
    this.#frozen = false;
    for (const link of this.#links) {
      link.stopped.clear();
      link.flush();
    }
  }

  /** Forwards everything this many milliseconds late. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Resolves when no data has arrived for this many milliseconds. */
  async quiet(ms: number): Promise<void> {
    for (let rest = ms; rest > 0; rest = this.#lastPassed + ms - performance.now())
      await sleep(rest);
  }

  /** Serves new connections again. Open ones receive nothing more, not even their end. */
  forsake(): void {
    for (const link of this.#links) {
      link.stopped.add('request').add('reply');
      link.lose();
    }
    this.#frozen = false;
  }

  /** Forwards the next request that matches, then no answer on its link. */
  swallowReplyTo(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('reply');
      return 'forward';
    });
  }

  /** Forwards the next request that matches, and breaks the client's connection before the answer. */
  breakAfter(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('reply');
      link.client.destroy();
      return 'forward';
    });
  }

  /** Keeps the next request that matches until `thaw`, and breaks the client's connection only. */
  breakAt(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('request').add('reply');
      link.client.destroy();
      return 'keep';
    });
  }

  /** Keeps the next request that matches, and all later ones on its link, until `thaw`. */
  holdAt(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, (link) => {
      link.stopped.add('request');
      return 'keep';
    });
  }

  /** Resolves when the next request that matches arrives. */
  sees(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, () => 'forward');
  }

  /** Counts the requests that match from now on, forwarded or not. */
  count(pattern: RegExp): () => number {
    let count = 0;
    this.#counters.push((request) => {
      if (pattern.test(request)) count++;
    });
    return () => count;
  }

  /** Freezes everything when the next request that matches arrives; it is kept too. */
  freezeAt(pattern: RegExp): Promise<void> {
    return this.#lay(pattern, () => {
      this.#frozen = true;
      return 'keep';
    });
  }

  /** Adds bytes to the next reply that ends so, in one chunk with it. */
  addToReply(ending: string, bytes: Buffer): void {
    this.#addition = { ending, bytes };
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
    from.on('data', (received) => {
      this.#lastPassed = performance.now();
      const chunk = direction === 'reply' ? this.#withAddition(received) : received;
      const kept = direction === 'request' && this.#springs(link, chunk) === 'keep';
      const pass = (): void => link.pass(to, chunk, !kept && isOpen());
      if (this.#delayMs > 0) setTimeout(pass, this.#delayMs);
      else pass();
    });
    from.on('end', () => link.pass(to, null, isOpen()));
    from.on('error', () => undefined);
    from.on('close', () => {
      if (to.destroyed) this.#links.delete(link);
      // Pass the end on behind the data that is still kept.
      else link.pass(to, null, isOpen());
    });
  }

  #withAddition(reply: Buffer): Buffer {
    const addition = this.#addition;
    if (!addition || !reply.toString('latin1').endsWith(addition.ending)) return reply;
    this.#addition = undefined;
    return Buffer.concat([reply, addition.bytes]);
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
