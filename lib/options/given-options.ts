import { describeKind } from '../errors/knox-config.error.ts';

/**
 * The options that somebody has given: the properties of the object, and of its class if it is an instance of one. Another
 * library may have put a property of an option's name on `Object.prototype`, from where every object inherits it.
 */
export function givenOptions<T extends object>(options: T): T {
  const given = Object.create(null) as T;
  for (const holder of [options, ...prototypesOf(options).slice(0, -1)]) {
    for (const name of Object.getOwnPropertyNames(holder) as (keyof T)[]) {
      if (!(name in given)) given[name] = options[name];
    }
  }
  return given;
}

/** The last one is Object.prototype, of which each realm has one. */
function prototypesOf(value: object): object[] {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null ? [] : [prototype, ...prototypesOf(prototype)];
}

/**
 * Refuses unknown options of a method: if a misspelt `except` were ignored, revokeAll would delete every token.
 *
 * @throws TypeError
 */
export function checkOptions(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`options must be an object; got ${describeKind(options)}.`);
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`There is no option "${unknown}"; there are ${names.join(', ')}.`);
}
