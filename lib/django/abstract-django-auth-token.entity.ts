import { Column, PrimaryColumn, type DataSource, type EntityMetadata } from 'typeorm';
import { BaseToken } from '../entities/base-token.ts';
import type { InstantFormat } from '../entities/instant.format.ts';
import { djangoInstantFormat, djangoInstantTransformer } from './django-instants.ts';
import { validateDjangoEntity } from './django-entity.check.ts';
import { validateDjangoSchema } from './django-schema.check.ts';

/**
 * The columns of knox's token model after its migration 0009. The classes that djangoAuthToken makes extend it. The
 * instants are declared as varchar, which they are not, so that TypeORM converts nothing before the transformer.
 *
 * @publicApi
 * @see knox/models.py, AbstractAuthToken
 */
export abstract class AbstractDjangoAuthToken<Owner extends object> extends BaseToken<Owner> {
  @PrimaryColumn({ name: 'digest', type: 'varchar', length: 128 })
  digest!: string;

  @Column({ name: 'token_key', type: 'varchar', length: 25 })
  tokenKey!: string;

  @Column({ name: 'created', type: 'varchar', transformer: djangoInstantTransformer })
  created!: Date;

  @Column({
    name: 'expiry',
    type: 'varchar',
    nullable: true,
    transformer: djangoInstantTransformer,
  })
  expiry!: Date | null;

  /** Django has no column for it: it is set on a token that was just made, and null on a loaded one. */
  ttl: number | null = null;

  /** The user it belongs to. Each entity declares the relation. */
  user!: Owner;

  static override instantFormat(dataSource: DataSource): InstantFormat {
    return djangoInstantFormat(dataSource);
  }

  static override validateClass(): void {
    validateDjangoEntity(this);
  }

  static override validateSchema(
    dataSource: DataSource,
    token: EntityMetadata,
    owner: EntityMetadata,
  ): Promise<void> {
    return validateDjangoSchema(dataSource, token, owner);
  }
}
