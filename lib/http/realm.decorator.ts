import { SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import { DEFAULT_REALM } from '../options/realm-name.ts';

/** The metadata key of `@Realm()`. */
const REALM_METADATA = 'nestjs-knox:realm';

/**
 * Says which realm a guard of this package asks on a handler, or on all handlers of a class; the decorator nearest to
 * the handler counts. Without it that is `'api'`. If it names several, the token's prefix tells whose it is. In a browser
 * that has cookies of several of them, that of the realm named first counts, and no other is looked at.
 *
 * @throws KnoxConfigError for a realm that no KnoxModule has: while the application starts, or on the first request
 * @publicApi
 */
export const Realm = (...names: [string, ...string[]]): CustomDecorator =>
  SetMetadata(REALM_METADATA, names);

/** What one or several `@Realm()` say. There is one object for each list of names, so that it can be a key. */
export interface RealmNames {
  readonly names: readonly string[];
}

/** All there are. They are few: the names are written in the source. */
const lists = new Map<string, RealmNames>();

/** By handler and class, because several classes may inherit a handler. */
const byHandler = new WeakMap<object, Map<unknown, RealmNames>>();

/** The realms of the handler that is called. */
export function realmNamesAt(context: ExecutionContext): RealmNames {
  const handler = context.getHandler();
  const type = context.getClass();
  let byClass = byHandler.get(handler);
  if (!byClass) byHandler.set(handler, (byClass = new Map<unknown, RealmNames>()));
  let found = byClass.get(type);
  if (!found) byClass.set(type, (found = realmNamesOf(handler, type)));
  return found;
}

/** What `@Realm()` says of these targets; the first that has one counts. */
export function realmNamesOf(...targets: object[]): RealmNames {
  for (const target of targets) {
    const names = namesOn(target);
    if (names) return listOf(names);
  }
  return listOf([DEFAULT_REALM]);
}

/** Whether this class or handler has a `@Realm()`, inherited ones included. */
export function hasRealm(target: object): boolean {
  return namesOn(target) !== undefined;
}

/** The list of these names. */
export function listOf(names: readonly string[]): RealmNames {
  const key = JSON.stringify(names);
  let list = lists.get(key);
  if (!list) lists.set(key, (list = { names }));
  return list;
}

function namesOn(target: object): readonly string[] | undefined {
  return Reflect.getMetadata(REALM_METADATA, target) as readonly string[] | undefined;
}
