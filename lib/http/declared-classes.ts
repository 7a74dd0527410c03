import type { ModulesContainer } from '@nestjs/core';

/** A class of the application. */
export type DeclaredClass = abstract new (...args: never[]) => unknown;

/** The controllers of all modules, and their providers, among which are resolvers and gateways. */
export function* declaredClasses(modules: ModulesContainer): Generator<DeclaredClass> {
  for (const module of modules.values()) {
    for (const { metatype } of [...module.controllers.values(), ...module.providers.values()]) {
      if (typeof metatype === 'function') yield metatype as unknown as DeclaredClass;
    }
  }
}

/** The methods of a class and of those that it extends, each under its name. */
export function methodsOf(type: DeclaredClass): [name: string, method: object][] {
  return methodsOn((type as { prototype?: unknown }).prototype, new Set());
}

/** A method that a subclass overrides is none of its own. */
function methodsOn(prototype: unknown, seen: Set<string>): [name: string, method: object][] {
  if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) {
    return [];
  }
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .map(([name, { value }]: [string, PropertyDescriptor]) => [name, value as unknown] as const)
    .filter(
      (entry): entry is [string, object] => typeof entry[1] === 'function' && !seen.has(entry[0]),
    );
  for (const [name] of own) seen.add(name);
  return [...own, ...methodsOn(Object.getPrototypeOf(prototype), seen)];
}
