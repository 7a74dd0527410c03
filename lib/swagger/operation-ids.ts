import { DEFAULT_REALM } from '../options/realm-name.ts';
import type { Operation, Paths } from './openapi.ts';

/**
 * Gives the operations of several realms ids that differ: the controllers of their KnoxModules have one name, from which
 * ids are made.
 *
 * @param realms the realms of the operations of this package
 */
export function withUniqueIds(paths: Paths, realms: ReadonlyMap<Operation, string>): Paths {
  const counts = new Map<string | undefined, number>();
  for (const { operationId } of Object.values(paths).flatMap((item) => Object.values(item))) {
    counts.set(operationId, (counts.get(operationId) ?? 0) + 1);
  }
  const rename = (operation: Operation): Operation => {
    const { operationId } = operation;
    const realm = realms.get(operation) ?? DEFAULT_REALM;
    const isTwin = operationId !== undefined && (counts.get(operationId) ?? 0) > 1;
    return isTwin && realm !== DEFAULT_REALM
      ? { ...operation, operationId: `${operationId}_${realm}` }
      : operation;
  };
  return mapValues(paths, (item) => mapValues(item, rename));
}

function mapValues<From, To>(
  object: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
