import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleInit,
} from '@nestjs/common';
import type { BackgroundTasks } from './async/background-tasks.ts';
import type { LastUsedWriter } from './service/last-used.writer.ts';
import type { TokenPruner } from './service/token.pruner.ts';
import type { UserStatus } from './service/user-status.ts';
import type { TokenStore } from './store/token.store.ts';

/** Starts and stops the package with the application, in this order. */
export class KnoxLifecycle
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #store: TokenStore;
  readonly #userStatus: UserStatus;
  readonly #lastUsed: LastUsedWriter;
  readonly #tasks: BackgroundTasks;
  readonly #pruner: TokenPruner;

  constructor(
    store: TokenStore,
    userStatus: UserStatus,
    lastUsed: LastUsedWriter,
    tasks: BackgroundTasks,
    pruner: TokenPruner,
  ) {
    this.#store = store;
    this.#userStatus = userStatus;
    this.#lastUsed = lastUsed;
    this.#tasks = tasks;
    this.#pruner = pruner;
  }

  /** @throws KnoxConfigError if the entities or the tables are not such as the package can work with */
  async onModuleInit(): Promise<void> {
    await this.#store.open();
    this.#userStatus.check();
  }

  onApplicationBootstrap(): void {
    this.#pruner.start();
  }

  /** Before any data source is destroyed. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#pruner.stop();
  }

  /** The tasks need the connections, so these are closed last. */
  async onApplicationShutdown(): Promise<void> {
    await this.#lastUsed.close();
    await this.#tasks.drain();
    await this.#store.close();
  }
}
