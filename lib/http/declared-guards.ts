import type { ExecutionContext } from '@nestjs/common';

/** The metadata key of the guards of a class or handler: NestJS's GUARDS_METADATA, which is not public. */
const GUARDS_METADATA = '__guards__';

/** The guards that `@UseGuards()` names on a handler or class: classes and instances. */
export function guardsNamedOn(target: object): object[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) ?? []) as object[];
}

/** The class of a guard that is named by its class or as an instance. */
export function classOfGuard(named: object): unknown {
  return typeof named === 'function' ? named : named.constructor;
}

/** The handler and its class, in the order in which their decorators count. */
export function targetsOf(context: ExecutionContext): [handler: object, type: object] {
  return [context.getHandler(), context.getClass()];
}

/** Whether a class is this one, or extends it. */
export function isSubclass(
  type: unknown,
  base: abstract new (...args: never[]) => unknown,
): boolean {
  return typeof type === 'function' && (type === base || type.prototype instanceof base);
}
