/** A value on each object that only code with this slot can see, copy or set. */
export interface PrivateSlot<Value> {
  get(target: object): Value | undefined;
  set(target: object, value: Value): void;
}

/** Returns its argument, so that a subclass puts its private field on it. */
function Target(target: object): object {
  return target;
}

/**
 * A WeakMap for objects that live as short as a request. A WeakMap costs each of them a microsecond, as it grows and
 * is collected; a private field does not, and is as private. Objects that cannot be extended go to a WeakMap:
 * future engines refuse to add a private field to them.
 *
 * @see https://github.com/tc39/proposal-nonextensible-applies-to-private
 */
export function privateSlot<Value>(): PrivateSlot<Value> {
  const rest = new WeakMap<object, Value>();
  return class Slot extends (Target as unknown as new (target: object) => object) {
    #value: Value | undefined;

    static get(target: object): Value | undefined {
      return #value in target ? target.#value : rest.get(target);
    }

    static set(target: object, value: Value): void {
      if (#value in target) target.#value = value;
      else if (Object.isExtensible(target)) new Slot(target).#value = value;
      else rest.set(target, value);
    }
  };
}
