import { Logger } from '@nestjs/common';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { TokenStore } from '../store/token.store.ts';

/** Decides whether a user may be authenticated at all. */
export class UserStatus {
  readonly #settings: KnoxSettings;
  readonly #store: Pick<TokenStore, 'isReady' | 'schema'>;

  constructor(settings: KnoxSettings, store: Pick<TokenStore, 'isReady' | 'schema'>) {
    this.#settings = settings;
    this.#store = store;
  }

  /**
   * Looks, while the application starts, at the column that decides.
   *
   * @throws KnoxConfigError if TypeORM does not load it
   */
  check(): void {
    if (this.#settings.isUserActive || !this.#store.isReady) return;
    const { activeColumn, metadata } = this.#store.schema.owner;
    if (!activeColumn) {
      new Logger('KnoxModule').debug(
        `${metadata.name} has no isActive column: all its users count as active.`,
      );
    } else if (!activeColumn.isSelect) {
      throw new KnoxConfigError(
        'isUserActive',
        `${metadata.name}.isActive has select: false, so that it is never loaded; ` +
          'take that off, or give isUserActive.',
      );
    }
  }

  /**
   * Whether the user, who must be loaded with all columns, is active. It is a promise only if the
   * application's hook returns one, so that other requests wait for nothing.
   */
  isActive(user: object): boolean | Promise<boolean> {
    const { isUserActive } = this.#settings;
    if (!isUserActive) return this.#store.schema.owner.isActiveByColumn(user);
    const verdict = isUserActive(user);
    return isThenable(verdict) ? Promise.resolve(verdict).then(isYes) : isYes(verdict);
  }
}

function isYes(verdict: unknown): boolean {
  return verdict === true || verdict === 1;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
