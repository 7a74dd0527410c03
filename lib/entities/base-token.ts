import type { DataSource, EntityMetadata } from 'typeorm';
import { EPOCH_MILLISECONDS, type InstantFormat } from './instant.format.ts';

/**
 * What every token entity is, whatever table it stands for. It has no columns: AbstractAuthToken has
 * those of our own tables.
 */
export abstract class BaseToken<Owner extends object = object> {
  /** The hash of the whole token, in lowercase hexadecimal; the token itself is stored nowhere. */
  abstract digest: string;
  /** The token's first 15 characters, prefix included: to show to its owner; no secret, no proof. */
  abstract tokenKey: string;
  /** When it was made. */
  abstract created: Date;
  /** When it ends; null: never. */
  abstract expiry: Date | null;
  /** Milliseconds, where it was made with a TTL of its own, which a refresh keeps to; else null. */
  abstract ttl: number | null;
  /** Whom it belongs to. */
  abstract user: Owner;

  /** How a data source of this kind stores the instants of this entity. */
  static instantFormat(_dataSource: DataSource): InstantFormat {
    return EPOCH_MILLISECONDS;
  }

  /**
   * Looks at the class itself, when the module is made of it: before a data source is up.
   *
   * @throws KnoxConfigError if it can't be the token entity
   */
  static validateClass(): void {
    // Nothing is wrong with a class of our own tables.
  }

  /**
   * Compares the tables with the entities, while the application starts.
   *
   * @param _token the token entity's own metadata
   * @param _owner its owner's
   * @throws KnoxConfigError if the tables are others than the entity stands for
   */
  static validateSchema(
    _dataSource: DataSource,
    _token: EntityMetadata,
    _owner: EntityMetadata,
  ): Promise<void> {
    return Promise.resolve();
  }
}
