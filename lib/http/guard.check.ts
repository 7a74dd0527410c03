import type { ModulesContainer } from '@nestjs/core';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import { declaredClasses, methodsOf } from './declared-classes.ts';
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
  for (const type of declaredClasses(modules)) {
    for (const target of [type, ...methodsOf(type).map(([, method]) => method)]) {
      const uninjected = guardsNamedOn(target).find(isUninjected);
      if (uninjected) throw madeWithNew(uninjected, `@UseGuards() of ${type.name}`);
    }
  }
}

function isUninjected(guard: unknown): guard is object {
  const isOurs = guard instanceof KnoxAuthGuard || guard instanceof KnoxLoginGuard;
  return isOurs && (guard as unknown as { realms?: unknown }).realms === undefined;
}

function madeWithNew(guard: object, where: string): KnoxConfigError {
  const { name } = guard.constructor;
  return new KnoxConfigError(
    'guards',
    `${where} has a ${name} that was made with \`new\`, so that NestJS injects nothing into it; write ` +
      `@UseGuards(${name}), { provide: APP_GUARD, useClass: ${name} } or app.useGlobalGuards(app.get(${name})).`,
  );
}
