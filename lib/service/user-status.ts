import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { TokenStore } from '../store/token.store.ts';
import { KNOX_SETTINGS } from './knox.settings.ts';

/** Decides whether a user may be authenticated at all. */
@Injectable()
export class UserStatus implements OnModuleInit {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore;

  constructor(@Inject(KNOX_SETTINGS) settings: KnoxSettings, store: TokenStore) {
    this.#settings = settings;
    this.#store = store;
  }

  /** @throws KnoxConfigError if the column that says so is one that TypeORM does not load */
  onModuleInit(): void {
    if (this.#settings.isUserActive || !this.#store.dataSource.isInitialized) return;
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
   * Whether the user, loaded in full, is active: a promise only where the application's hook has to be
   * awaited.
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
