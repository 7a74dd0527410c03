import { getMetadataArgsStorage } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { TokenEntity } from './abstract-auth-token.entity.ts';

/**
 * Checks, before a data source is up, that there is an entity class of the name by which a token entity refers to its
 * owner. TypeORM would only say that it knows no metadata of the relation, and try again for half a minute.
 *
 * @throws KnoxConfigError
 */
export function checkOwnerName(tokenEntity: TokenEntity): void {
  const storage = getMetadataArgsStorage();
  const name = ownerNameOf(tokenEntity);
  const { tables } = storage;
  if (name === undefined || tables.some((table) => isNamed(table, name))) return;
  const tokenTables = storage.relations
    .filter(({ propertyName }) => propertyName === 'user')
    .map(({ target }) => target);
  const others = tables
    .filter(({ target }) => typeof target === 'function' && !tokenTables.includes(target))
    .map(({ target }) => (target as { name: string }).name);
  throw new KnoxConfigError(
    'tokenEntity',
    `${tokenEntity.name} belongs to the entity class named ${name}, and there is none; there are ` +
      `${others.join(', ') || 'no entities'}. If a bundler or minifier renames classes, tell it to keep their names ` +
      '(esbuild: keepNames; terser, SWC: keep_classnames), or give a tokenEntity of yours whose relation is ' +
      '@ManyToOne(() => Owner, …).',
  );
}

/** The name that the relation `user` has in place of a class. */
function ownerNameOf(tokenEntity: TokenEntity): string | undefined {
  const relation = getMetadataArgsStorage().relations.find(
    ({ propertyName, target }) => propertyName === 'user' && target === tokenEntity,
  );
  return typeof relation?.type === 'string' ? relation.type : undefined;
}

function isNamed({ target, name }: { target: unknown; name?: string }, wanted: string): boolean {
  return name === wanted || (typeof target === 'function' ? target.name : target) === wanted;
}
