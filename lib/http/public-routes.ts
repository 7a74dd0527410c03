import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { classOfGuard, guardsNamedOn, isSubclass, targetsOf } from './declared-guards.ts';
import { PUBLIC_METADATA } from './public.decorator.ts';

/** What the decorators say about a handler. */
interface Route {
  readonly isPublic: boolean;
  /** Whether it is not public because the handler or its class names this guard. */
  readonly isNamed: boolean;
  /** How often the class names this guard outside of the handler's `@Public()`; undefined: it does not matter. */
  readonly outerCalls: number | undefined;
}

/** A class of guards. */
type GuardClass = abstract new (...args: never[]) => CanActivate;

/** Which handlers `@Public()` opens to a guard. */
export class PublicRoutes {
  readonly #ownGuards: readonly GuardClass[];
  /** By handler and class, because several classes may inherit a handler. */
  readonly #routes = new WeakMap<object, Map<unknown, Route>>();

  /** @param ownGuards the guards of this package, which ask no KnoxAuthGuard */
  constructor(...ownGuards: GuardClass[]) {
    this.#ownGuards = ownGuards;
  }

  isPublic(context: ExecutionContext, guard: CanActivate, config: ApplicationConfig): boolean {
    const { isPublic, outerCalls } = this.#routeOf(context, guard);
    if (!isPublic || outerCalls === undefined) return isPublic;
    return earlierCalls(context, guard) < outerCalls + globalCalls(guard, config);
  }

  /** Whether `@Public()` opens this handler to the guards of this class that are declared further out. */
  isPublicTo(guardClass: unknown, handler: object, type: object): boolean {
    return this.#readRoute(guardClass, handler, type).isPublic;
  }

  /** Whether NestJS asks this guard itself, so that its refusal counts, and not another guard that may pass. */
  isAskedByNest(context: ExecutionContext, guard: CanActivate, config: ApplicationConfig): boolean {
    const { isPublic, isNamed } = this.#routeOf(context, guard);
    return isNamed || (!isPublic && globalCalls(guard, config) > 0);
  }

  #routeOf(context: ExecutionContext, guard: CanActivate): Route {
    const [handler, type] = targetsOf(context);
    let known = this.#routes.get(handler);
    if (!known) this.#routes.set(handler, (known = new Map<unknown, Route>()));
    let route = known.get(type);
    if (!route) known.set(type, (route = this.#readRoute(guard.constructor, handler, type)));
    return route;
  }

  #readRoute(guardClass: unknown, handler: object, type: object): Route {
    let mayBeAskedByOther = false;
    for (const target of [handler, type]) {
      const named = guardsNamedOn(target);
      if (named.some((one) => this.#names(one, guardClass))) {
        return { isPublic: false, isNamed: true, outerCalls: undefined };
      }
      mayBeAskedByOther ||= named.some((one) => !this.#isOwn(one));
      if (Reflect.getMetadata(PUBLIC_METADATA, target) !== true) continue;
      const outer = target === handler ? guardsNamedOn(type) : [];
      const outerCalls = outer.filter((one) => this.#names(one, guardClass)).length;
      return {
        isPublic: true,
        isNamed: false,
        outerCalls: mayBeAskedByOther ? outerCalls : undefined,
      };
    }
    return { isPublic: false, isNamed: false, outerCalls: undefined };
  }

  /** Whether it names guards of this class: by the class, by one that it extends or stands in for, or by an instance. */
  #names(named: object, guardClass: unknown): boolean {
    return this.#isOwn(named) && isSubclass(guardClass, classOfGuard(named) as GuardClass);
  }

  #isOwn(named: object): boolean {
    return this.#ownGuards.some((own) => isSubclass(classOfGuard(named), own));
  }
}

/** How often guards of each class were asked about a context that other guards see too. */
const calls = new WeakMap<ExecutionContext, Map<unknown, number>>();

/** How often guards of this class were asked before. NestJS asks outer guards first, and gives all the same context. */
function earlierCalls(context: ExecutionContext, { constructor }: CanActivate): number {
  let byClass = calls.get(context);
  if (!byClass) calls.set(context, (byClass = new Map<unknown, number>()));
  const earlier = byClass.get(constructor) ?? 0;
  byClass.set(constructor, earlier + 1);
  return earlier;
}

/** How often this guard, or one of its class, is declared for the whole application. */
function globalCalls(guard: CanActivate, config: ApplicationConfig): number {
  const type = guard.constructor;
  return (
    config.getGlobalGuards().filter((one) => one === guard || one.constructor === type).length +
    config.getGlobalRequestGuards().filter(({ metatype }) => metatype === type).length
  );
}
