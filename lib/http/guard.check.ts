import type { ModulesContainer } from '@nestjs/core';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import { guardsNamedOn } from './declared-guards.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import { KnoxLoginGuard } from './knox-login.guard.ts';

/**
 * Finds guards of the package that were made with `new`: nothing is injected into them, so that each request would be a
 * 500. Only the metadata of classes is read, no provider.
 *
 * @throws KnoxConfigError
 */
export function checkGuards(modules: ModulesContainer, globalGuards: readonly unknown[]): void {
  for (const guard of globalGuards) {
    if (isUninjected(guard)) throw madeWithNew(guard, 'app.useGlobalGuards()');
  }
  for (const module of modules.values()) {
    for (const { metatype } of [...module.controllers.values(), ...module.providers.values()]) {
      if (typeof metatype === 'function') checkClass(metatype);
    }
  }
}

function checkClass(type: { readonly name: string; readonly prototype?: unknown }): void {
  for (const target of [type, ...methodsOf(type.prototype)]) {
    const uninjected = guardsNamedOn(target).find(isUninjected);
    if (uninjected) throw madeWithNew(uninjected, `@UseGuards() of ${type.name}`);
  }
}

/** The methods of a class and of those that it extends. */
function methodsOf(prototype: unknown): object[] {
  if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) {
    return [];
  }
  const own = Object.values(Object.getOwnPropertyDescriptors(prototype))
    .map(({ value }: PropertyDescriptor): unknown => value)
    .filter((value) => typeof value === 'function');
  return [...own, ...methodsOf(Object.getPrototypeOf(prototype))];
}

function isUninjected(guard: unknown): guard is object {
  const isOurs = guard instanceof KnoxAuthGuard || guard instanceof KnoxLoginGuard;
  return isOurs && (guard as unknown as { requests?: unknown }).requests === undefined;
}

function madeWithNew(guard: object, where: string): KnoxConfigError {
  const { name } = guard.constructor;
  return new KnoxConfigError(
    'guards',
    `${where} has a ${name} that was made with \`new\`, so that NestJS injects nothing into it; write ` +
      `@UseGuards(${name}), { provide: APP_GUARD, useClass: ${name} } or app.useGlobalGuards(app.get(${name})).`,
  );
}
