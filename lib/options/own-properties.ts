/**
 * The properties that the object itself has. Another library may have put a property of an option's name on
 * `Object.prototype`, from where every object would inherit it.
 */
export function ownProperties<T extends object>(options: T): T {
  return Object.assign(Object.create(null) as T, options);
}
