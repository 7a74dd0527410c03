import { Column, Index, PrimaryColumn } from 'typeorm';
import { BaseToken } from './base-token.ts';
import { instantTransformer, millisecondsTransformer } from './instant.transformer.ts';

/**
 * What every token entity has. An application with an owner that is not named `User`, or with
 * columns of its own, extends it, adds the `user` relation, and names the class as `tokenEntity`.
 *
 * @see knox/models.py, AbstractAuthToken
 */
@Index(['user'])
export abstract class AbstractAuthToken<Owner extends object = object> extends BaseToken<Owner> {
  /** The hash of the whole token, in lowercase hexadecimal; the token itself is stored nowhere. */
  @PrimaryColumn({ name: 'digest', type: 'varchar', length: 128 })
  digest!: string;

  /** The token's first 15 characters, prefix included: to show to its owner; no secret, no proof. */
  @Index()
  @Column({ name: 'token_key', type: 'varchar', length: 25 })
  tokenKey!: string;

  /** When it was made. */
  @Column({ name: 'created', type: 'bigint', transformer: instantTransformer })
  created!: Date;

  /** When it ends; null: never. */
  @Index()
  @Column({ name: 'expiry', type: 'bigint', nullable: true, transformer: instantTransformer })
  expiry!: Date | null;

  /** Milliseconds, where it was made with a TTL of its own, which a refresh keeps to; else null. */
  @Column({ name: 'ttl', type: 'bigint', nullable: true, transformer: millisecondsTransformer })
  ttl!: number | null;
}

/** A class of token entities. */
export type TokenEntity<Token extends AbstractAuthToken = AbstractAuthToken> = new () => Token;
