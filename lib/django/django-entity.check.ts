import { getMetadataArgsStorage } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';

type TableArgs = ReturnType<typeof getMetadataArgsStorage>['tables'][number];

/** The classes that were refused. They stay so, though `synchronize` is false on them from then on. */
const refused = new WeakSet<TableArgs>();

/**
 * Checks that TypeORM leaves the tables of this token class and of its owner alone, before a data source is up:
 * `synchronize` would drop the columns that a class does not map, and empty those whose types it changes.
 *
 * @throws KnoxConfigError if it would alter one of them
 */
export function validateDjangoEntity(target: object): void {
  const table = tableOf(target);
  const owner = ownerOf(target);
  const isTokenSafe = table !== undefined && isLeftAlone(table);
  if (owner) requireOwnerLeftAlone(owner);
  if (isTokenSafe) return;
  const name = table?.name ?? 'knox_authtoken';
  throw new KnoxConfigError(
    'tokenEntity',
    `TypeORM would alter Django's table; write @Entity({ name: '${name}', synchronize: false }).`,
  );
}

/**
 * Gives the owner's class back if TypeORM leaves its table alone.
 *
 * @throws KnoxConfigError if it would alter the table
 */
export function requireOwnerLeftAlone<Owner extends object>(owner: Owner): Owner {
  const table = tableOf(owner);
  if (!table || isLeftAlone(table)) return owner;
  const { name: className } = table.target as { name: string };
  throw unsynchronizedError(className, table.name);
}

/** The error for a class that TypeORM would synchronize with one of Django's tables. */
export function unsynchronizedError(className: string, table = '…'): KnoxConfigError {
  return new KnoxConfigError(
    'tokenEntity',
    `TypeORM would alter Django's table, and drop the columns that ${className} does not map; write ` +
      `@Entity({ name: '${table}', synchronize: false }) on ${className}.`,
  );
}

/**
 * Whether TypeORM leaves a table alone. If not, it is told to: NestJS makes all providers at once, and TypeORM would
 * synchronize while the error of this package is on its way.
 */
function isLeftAlone(table: TableArgs): boolean {
  if (table.synchronize === false) return !refused.has(table);
  refused.add(table);
  table.synchronize = false;
  return false;
}

/** The table that a class is stored in: a child of single-table inheritance is in its parent's. */
function tableOf(target: object): TableArgs | undefined {
  const { tables } = getMetadataArgsStorage();
  for (const type of classesOf(target)) {
    const table = tables.find((one) => one.target === type);
    if (table?.type !== 'entity-child') return table;
  }
  return undefined;
}

/** The class of the relation `user`, or undefined where it is not known yet: modules may import each other. */
function ownerOf(target: object): object | undefined {
  const { relations, tables } = getMetadataArgsStorage();
  for (const type of classesOf(target)) {
    const relation = relations.find((one) => one.target === type && one.propertyName === 'user');
    if (!relation) continue;
    const { type: ownerType } = relation;
    const owner = typeof ownerType === 'function' ? called(ownerType as () => object) : ownerType;
    if (typeof owner !== 'string') return owner;
    return tables.map((one) => one.target as object).find((one) => nameOf(one) === owner);
  }
  return undefined;
}

function called(ownerType: () => object): object | undefined {
  try {
    return ownerType();
  } catch (error) {
    // A class of a module that is not evaluated yet. The tables are checked again when they are compared.
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function nameOf(target: object): unknown {
  return (target as { name?: unknown }).name;
}

function* classesOf(target: object): Generator<object> {
  for (
    let type: unknown = target;
    typeof type === 'function' && type !== Function.prototype;
    type = Object.getPrototypeOf(type)
  ) {
    yield type;
  }
}
