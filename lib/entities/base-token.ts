import type { DataSource, EntityMetadata } from 'typeorm';
import { hasFeature } from './feature-columns.ts';
import { EPOCH_MILLISECONDS, type InstantFormat } from './instant.format.ts';
import { shownProperties } from './shown-properties.ts';

/** Marks token entities, in whichever copy of the package they are. */
export const TOKEN_ENTITY = Symbol.for('nestjs-knox:token');

/** How many characters of a digest name a token. */
export const PUBLIC_ID_LENGTH = 32;

/** What a token may do; null: everything. One that was loaded without this column may do nothing. */
export function abilitiesOf(token: object): readonly string[] | null {
  if (!hasFeature(token, 'abilities')) return null;
  const { abilities } = token as { readonly abilities?: unknown };
  if (abilities === null) return null;
  return Array.isArray(abilities) ? (abilities as string[]) : [];
}

/**
 * Base of all token entities. It has no columns: AbstractAuthToken has those of the package's tables, and other
 * entities map tables that are made elsewhere.
 */
export abstract class BaseToken<Owner extends object = object> {
  /** Tells a token entity of another copy of the package from any other class. */
  static readonly [TOKEN_ENTITY] = true;

  /** The hash of the whole token, in lowercase hexadecimal. The token itself is stored nowhere. */
  abstract digest: string;
  /** The token's first 15 characters, prefix included. The owner may see them; they prove nothing. */
  abstract tokenKey: string;
  /** When it was made. */
  abstract created: Date;
  /** When it expires; null: never. */
  abstract expiry: Date | null;
  /** Its own TTL in milliseconds, which a refresh goes by; null: the option `tokenTtl` counts. */
  abstract ttl: number | null;
  /** The user it belongs to. */
  abstract user: Owner;

  /** The first 32 characters of the digest. They name the token among its user's, and prove nothing. */
  get publicId(): string {
    return this.digest.slice(0, PUBLIC_ID_LENGTH);
  }

  /** Whether it may do this: a token without abilities, as each login makes it, may do everything. */
  can(ability: string): boolean {
    return abilitiesOf(this)?.includes(ability) ?? true;
  }

  /**
   * What `JSON.stringify` writes of it: `id`, which is its `publicId`, and its columns, those of the application included,
   * but not the digest. Its owner is never shown, because the owner may hold the hash of a password.
   */
  toJSON(): Record<string, unknown> {
    const columns = shownProperties(this.constructor as new () => object);
    const shown = columns.map((name) => [name, (this as Record<string, unknown>)[name]] as const);
    return { id: this.publicId, ...Object.fromEntries(shown) };
  }

  /** How a data source of this kind stores the instants of this entity. */
  static instantFormat(_dataSource: DataSource): InstantFormat {
    return EPOCH_MILLISECONDS;
  }

  /**
   * Checks the class itself when the module is defined, before a data source is up.
   *
   * @throws KnoxConfigError if it cannot be the token entity
   */
  static validateClass(): void {
    // Subclasses that map other tables have something to check.
  }

  /**
   * Compares the tables with the entities, while the application starts.
   *
   * @param _token the token entity's own metadata
   * @param _owner its owner's
   * @throws KnoxConfigError if the tables are not those that the entity maps
   */
  static validateSchema(
    _dataSource: DataSource,
    _token: EntityMetadata,
    _owner: EntityMetadata,
  ): Promise<void> {
    return Promise.resolve();
  }
}
