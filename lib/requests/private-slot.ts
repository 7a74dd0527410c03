/** One value on each object, which nobody can see, copy or set but who holds the slot. */
export interface PrivateSlot<Value> {
  get(target: object): Value | undefined;
  set(target: object, value: Value): void;
}

/** Gives back what it is given, so that a subclass's private field lands there. */
function Target(target: object): object {
  return target;
}

/**
 * What a WeakMap does, for objects that live as short as a request: a WeakMap costs them a microsecond
 * each, in its own growth and in the garbage collector's. A private field is as private. It is for
 * objects that can be extended: engines to come refuse one to a frozen object.
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
