import type { ClientInfo } from '../requests/client-info.ts';
import { Deadline } from './deadline.ts';

/** One piece of work that somebody waits for: until when, and for whom. It is passed down unchanged. */
export class Operation {
  readonly deadline: Deadline;
  /** Whether it is done for a request of a client. */
  readonly isForRequest: boolean;
  #readClient: (() => ClientInfo | null) | undefined;
  #client: ClientInfo | null = null;

  private constructor(deadline: Deadline, readClient?: () => ClientInfo | null) {
    this.deadline = deadline;
    this.isForRequest = readClient !== undefined;
    this.#readClient = readClient;
  }

  /**
   * @param ms how long it may take, in milliseconds
   * @param readClient reads the client's address and user agent; without it there is no client
   */
  static within(ms: number, readClient?: () => ClientInfo | null): Operation {
    return new Operation(new Deadline(ms), readClient);
  }

  /**
   * The client that waits. It is read on first use, because adapters compute the address; read it before
   * starting background work, because a closed socket has no address. If it cannot be read, there is none: it is needed
   * after a commit, when nothing may fail any more.
   */
  get client(): ClientInfo | null {
    const read = this.#readClient;
    this.#readClient = undefined;
    try {
      if (read) this.#client = read();
    } catch {
      // The adapter asks the application, such as Express its function `trust proxy`.
    }
    return this.#client;
  }

  /** The same work for another client, with the same deadline. */
  withClient(readClient: () => ClientInfo | null): Operation {
    return new Operation(this.deadline, readClient);
  }

  /** The same work with a deadline of so many milliseconds from now, or its own if that is sooner. */
  shorten(ms: number): Operation {
    return new Operation(new Deadline(Math.min(ms, this.deadline.remaining)), () => this.client);
  }

  /** The outcome of the work, or a DeadlineExceededError, whichever comes first. */
  race<T>(work: Promise<T>): Promise<T> {
    return this.deadline.race(work);
  }
}
