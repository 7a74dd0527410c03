import type { Type } from '@nestjs/common';
import { Column, Entity, JoinColumn, ManyToOne, type ColumnOptions } from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import { createDatabase, type DatabaseName } from './databases.ts';
import { startOwnerApp, type OwnerApp } from './owner-app.ts';

interface OwnerTokenOptions {
  /** A column `userId` of the entity for its join column, with these options. Default: none. */
  join?: ColumnOptions;
  /** Whether the database refuses a token without an owner. Default: true. */
  hasForeignKey?: boolean;
}

/** A token entity for owners of this class. */
export function ownerTokenOf<Owner extends object>(
  owner: () => Type<Owner>,
  { join, hasForeignKey = true }: OwnerTokenOptions = {},
): Type<AbstractAuthToken<Owner>> {
  @Entity('owner_token')
  class OwnerToken extends AbstractAuthToken<Owner> {
    @ManyToOne(owner, {
      onDelete: 'CASCADE',
      nullable: false,
      createForeignKeyConstraints: hasForeignKey,
    })
    @JoinColumn({ name: 'user_id' })
    user!: Owner;
  }
  if (join) Column({ ...join, name: 'user_id' })(OwnerToken.prototype, 'userId');
  return OwnerToken;
}

interface OwnersOptions {
  /** Entities beside the owner and its token. */
  entities?: readonly Type<object>[];
  /** Default: one that `ownerTokenOf` makes. */
  tokenEntity?: Type<AbstractAuthToken>;
}

/** Runs a test on an application and a database of its own, whose owners are of this class. */
export async function withOwners(
  name: DatabaseName,
  owner: Type<object>,
  { entities = [], tokenEntity = ownerTokenOf(() => owner) }: OwnersOptions,
  run: (test: OwnerApp<AbstractAuthToken>) => Promise<void>,
): Promise<void> {
  const database = await createDatabase(name);
  try {
    const test = await startOwnerApp<AbstractAuthToken>({
      dataSource: { ...database.options, entities: [owner, tokenEntity, ...entities] },
      owner,
      knox: { tokenEntity },
    });
    await run(test).finally(() => test.close());
  } finally {
    await database.drop();
  }
}
