import type { DataSource, EntityMetadata } from 'typeorm';
import { KnoxConfigError } from '../../errors/knox-config.error.ts';
import type { TokenSchema } from './token.schema.ts';

/** Types of columns whose values are bytes, instants, fractions or truth values, and no keys that can be compared. */
const NO_KEY =
  /^(?:(?:var)?binary|(?:tiny|medium|long)?blob|bytea|bit|bool(?:ean)?|float[48]?|real|double(?: precision)?|datetime\d*|timestamp\b.*|timestamptz|jsonb?)$/;

/**
 * Checks the entities for what TypeORM takes and the package cannot work with, or what fails only at the first login.
 *
 * @throws KnoxConfigError
 */
export function checkEntities(dataSource: DataSource, { metadata, owner }: TokenSchema): void {
  checkOwnerIsOne(dataSource, metadata, owner.metadata);
  checkKeyType(metadata, owner.keyColumn);
}

/** A name may be that of two classes, of which TypeORM takes the first. */
function checkOwnerIsOne(
  { entityMetadatas }: DataSource,
  token: EntityMetadata,
  owner: EntityMetadata,
): void {
  const name: unknown = token.findRelationWithPropertyPath('user')?.type;
  if (typeof name !== 'string') return;
  const named = entityMetadatas.filter(
    (other) => other === owner || other.targetName === name || other.givenTableName === name,
  );
  if (named.length === 1) return;
  throw new KnoxConfigError(
    'tokenEntity',
    `${token.targetName} belongs to the entity named ${name}, and the data source has ${String(named.length)} of that ` +
      'name; give a tokenEntity of yours whose relation is @ManyToOne(() => Owner, …).',
  );
}

function checkKeyType(token: EntityMetadata, key: TokenSchema['owner']['keyColumn']): void {
  const { type, entityMetadata, propertyPath } = key;
  const isRefused =
    type === Boolean || type === Date || (typeof type === 'string' && NO_KEY.test(type));
  const join = token.findRelationWithPropertyPath('user')?.joinColumns[0];
  // What a transformer of both columns makes of the bytes is a value that can be compared.
  if (!isRefused || (key.transformer && join?.transformer)) return;
  const shown = typeof type === 'string' ? type : type.name;
  throw new KnoxConfigError(
    'tokenEntity',
    `${token.targetName} refers to ${entityMetadata.targetName}.${propertyPath}, a key of type ${shown}, which the ` +
      'package cannot compare; use an integer, a string or a UUID. Or, with a transformer, give the token entity a ' +
      'column of its own for the key that has the same type and transformer.',
  );
}
