import { Column, Index, PrimaryColumn } from 'typeorm';
import { BaseToken } from './base-token.ts';
import { instantTransformer, millisecondsTransformer } from './instant.transformer.ts';

/**
 * The columns of a token. An application whose owner is not named `User`, or that wants more columns, extends this
 * class, adds the `user` relation, and gives the class as `tokenEntity`.
 *
 * @see knox/models.py, AbstractAuthToken
 */
@Index(['user'])
export abstract class AbstractAuthToken<Owner extends object = object> extends BaseToken<Owner> {
  /** The hash of the whole token, in lowercase hexadecimal. The token itself is stored nowhere. */
  @PrimaryColumn({ name: 'digest', type: 'varchar', length: 128 })
  digest!: string;

  /** The token's first 15 characters, prefix included. The owner may see them; they prove nothing. */
  @Index()
  @Column({ name: 'token_key', type: 'varchar', length: 25 })
  tokenKey!: string;

  /** When it was made. */
  @Column({ name: 'created', type: 'bigint', transformer: instantTransformer })
  created!: Date;

  /** When it expires; null: never. */
  @Index()
  @Column({ name: 'expiry', type: 'bigint', nullable: true, transformer: instantTransformer })
  expiry!: Date | null;

  /** Its own TTL in milliseconds, which a refresh goes by; null: the option `tokenTtl` counts. */
  @Column({ name: 'ttl', type: 'bigint', nullable: true, transformer: millisecondsTransformer })
  ttl!: number | null;
}

/** A class of token entities. */
export type TokenEntity<Token extends AbstractAuthToken = AbstractAuthToken> = new () => Token;
