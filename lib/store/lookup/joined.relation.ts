import type { EntityMetadata, SelectQueryBuilder } from 'typeorm';
import { KnoxConfigError } from '../../errors/knox-config.error.ts';

type RelationMetadata = EntityMetadata['relations'][number];

/** A relation that a query joins, under which alias, and those that it joins to that in turn. */
export interface JoinedRelation {
  readonly relation: RelationMetadata;
  readonly alias: string;
  readonly children: readonly JoinedRelation[];
}

/**
 * The relations to join to an entity: those that are named, and those that the entities on the way load eagerly.
 *
 * @param paths such as `roles` or `roles.permissions`
 * @param joined a relation that the query joins by itself
 * @throws KnoxConfigError for a path that is no relation, and for eager relations that lead in a circle
 */
export function joinedRelations(
  metadata: EntityMetadata,
  alias: string,
  paths: readonly string[],
  joined?: string,
): JoinedRelation[] {
  checkEagerRelations(metadata, []);
  const named = paths.map((path) => relationIn(metadata, path));
  const eager = metadata.eagerRelations.filter(({ propertyPath }) => propertyPath !== joined);
  return [...new Set([...named, ...eager])].map((relation, index) => {
    const { propertyPath, inverseEntityMetadata } = relation;
    // A number, because PostgreSQL cuts off what is longer than 63 bytes.
    const joinAlias = `${alias}_${String(index)}`;
    const nested = paths
      .filter((path) => path.startsWith(`${propertyPath}.`))
      .map((path) => path.slice(propertyPath.length + 1));
    const children = joinedRelations(inverseEntityMetadata, joinAlias, nested);
    return { relation, alias: joinAlias, children };
  });
}

/** Joins the relations to the entity of this alias; with `selects`, their columns come into the result. */
export function joinTo(
  query: SelectQueryBuilder<object>,
  alias: string,
  relations: readonly JoinedRelation[],
  selects: boolean,
): void {
  for (const { relation, alias: joinAlias, children } of relations) {
    const path = `${alias}.${relation.propertyPath}`;
    if (selects) query.leftJoinAndSelect(path, joinAlias);
    else query.leftJoin(path, joinAlias);
    joinTo(query, joinAlias, children, selects);
  }
}

/** Whether the relation is to many. */
export function isToMany({ isOneToMany, isManyToMany }: RelationMetadata): boolean {
  return isOneToMany || isManyToMany;
}

/** Whether one row may become many by what is joined to it. */
export function multipliesRows(relations: readonly JoinedRelation[]): boolean {
  return relations.some(({ relation, children }) => isToMany(relation) || multipliesRows(children));
}

/** TypeORM follows eager relations without an end. */
function checkEagerRelations(metadata: EntityMetadata, path: readonly string[]): void {
  for (const relation of metadata.eagerRelations) {
    const step = `${metadata.targetName}.${relation.propertyPath}`;
    if (path.includes(step)) {
      throw new KnoxConfigError(
        'tokenEntity',
        `the eager relations ${[...path.slice(path.indexOf(step)), step].join(' → ')} go round in a circle, which ` +
          'TypeORM cannot load; set eager: false on one of them, and name it in userRelations if you need it.',
      );
    }
    checkEagerRelations(relation.inverseEntityMetadata, [...path, step]);
  }
}

/** The relation that a path begins with; one of an embedded column has a dot in its name. */
function relationIn(metadata: EntityMetadata, path: string): RelationMetadata {
  const segments = path.split('.');
  const relation = segments
    .map((_, index) => segments.slice(0, index + 1).join('.'))
    .map((prefix) => metadata.findRelationWithPropertyPath(prefix))
    .find((found) => found !== undefined);
  if (relation) return relation;
  throw new KnoxConfigError('userRelations', `${metadata.name} has no relation "${path}".`);
}
