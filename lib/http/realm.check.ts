import type { ModulesContainer } from '@nestjs/core';
import { declaredClasses, methodsOf, type DeclaredClass } from './declared-classes.ts';
import { classOfGuard, guardsNamedOn, isSubclass } from './declared-guards.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import { KnoxLoginRouteGuard } from './knox-login-route.guard.ts';
import { KnoxLoginGuard, missingVerifyCredentials } from './knox-login.guard.ts';
import { KnoxController } from './knox.controller.ts';
import { KnoxSessionsController } from './knox-sessions.controller.ts';
import { hasRealm, realmNamesOf } from './realm.decorator.ts';
import type { Realms } from './realms.ts';

/** The controllers whose tokens are those of one realm. */
const CONTROLLERS = [KnoxController, KnoxSessionsController] as const;

/**
 * Finds what asks a realm that there is not, and logins that have nothing to ask. Only the metadata of classes is read,
 * no provider.
 *
 * @throws KnoxConfigError
 */
export function checkRealms(modules: ModulesContainer, realms: Realms): void {
  for (const type of declaredClasses(modules)) {
    if (asksRealm(type)) realms.named(realmNamesOf(type));
    if (CONTROLLERS.some((one) => isSubclass(type, one))) realms.ofController(type);
    for (const [, method] of methodsOf(type)) checkMethod(method, type, realms);
  }
}

function checkMethod(method: object, type: DeclaredClass, realms: Realms): void {
  const names = realmNamesOf(method, type);
  if (asksRealm(method)) realms.named(names);
  if (!guardsNamedOn(method).includes(KnoxLoginRouteGuard)) return;
  const { loginGuards, requests } = realms.login(names, type);
  const asksHook = loginGuards.shared.some((guard) => guard instanceof KnoxLoginGuard);
  if (asksHook && !requests.settings.verifyCredentials) throw missingVerifyCredentials();
}

/** Whether a class or handler says which realm it asks, or has a guard that asks one. */
function asksRealm(target: object): boolean {
  return (
    hasRealm(target) ||
    guardsNamedOn(target).some((guard) => isSubclass(classOfGuard(guard), KnoxAuthGuard))
  );
}
