import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { privateSlot } from '../../lib/requests/private-slot.ts';

class User {
  name = 'ada';
}

describe('a private slot', () => {
  it('gives what was set last, and undefined before', () => {
    const slot = privateSlot<number>();
    const user = new User();
    expect(slot.get(user)).toBeUndefined();
    slot.set(user, 1);
    slot.set(user, 2);
    expect(slot.get(user)).toBe(2);
    expect(slot.get(new User())).toBeUndefined();
  });

  it('does not see what another slot holds', () => {
    const [one, other] = [privateSlot<string>(), privateSlot<string>()];
    const user = new User();
    one.set(user, 'one');
    expect(other.get(user)).toBeUndefined();
    other.set(user, 'other');
    expect([one.get(user), other.get(user)]).toEqual(['one', 'other']);
  });

  it('leaves nothing on the object that anyone can see', () => {
    const slot = privateSlot<string>();
    const user = new User();
    slot.set(user, 'hidden');
    expect(Reflect.ownKeys(user)).toEqual(['name']);
    expect(Object.getOwnPropertyDescriptors(user)).toStrictEqual(
      Object.getOwnPropertyDescriptors(new User()),
    );
    expect(Object.getPrototypeOf(user)).toBe(User.prototype);
    expect(JSON.stringify(user)).toBe('{"name":"ada"}');
    expect(user).toStrictEqual(new User());
  });

  it.each<[string, (user: User) => object]>([
    ['a spread', ({ ...rest }) => rest],
    ['Object.assign', (user) => Object.assign(new User(), user)],
    ['structuredClone', (user) => structuredClone(user)],
    ['Object.create', (user) => Object.create(user) as object],
    ['property descriptors', (user) => Object.create(null, Object.getOwnPropertyDescriptors(user))],
    ['a proxy', (user) => new Proxy(user, {})],
  ])('does not go along with %s', (_, copy) => {
    const slot = privateSlot<string>();
    const user = new User();
    slot.set(user, 'hidden');
    expect(slot.get(copy(user))).toBeUndefined();
  });

  it.each<[string, () => object]>([
    ['frozen', () => Object.freeze(new User())],
    ['sealed', () => Object.seal(new User())],
    ['not extensible', () => Object.preventExtensions(new User())],
    ['a proxy', () => new Proxy(new User(), {})],
    ['a proxy of a frozen one', () => new Proxy(Object.freeze(new User()), {})],
    ['without a prototype', () => Object.create(null) as object],
    ['an array', () => []],
    ['a function', () => () => undefined],
    ['of another realm', () => runInNewContext('({})') as object],
  ])('holds on an object that is %s', (_, make) => {
    const slot = privateSlot<string>();
    const target = make();
    slot.set(target, 'first');
    slot.set(target, 'last');
    expect(slot.get(target)).toBe('last');
    expect(slot.get(make())).toBeUndefined();
  });

  it('asks no trap of a proxy for a property, nor defines one', () => {
    const asked: PropertyKey[] = [];
    const note = (_: object, key: PropertyKey): boolean => {
      asked.push(key);
      return true;
    };
    const proxy = new Proxy({}, { get: note, has: note, set: note, defineProperty: note });
    const slot = privateSlot<string>();
    slot.set(proxy, 'hidden');
    expect([slot.get(proxy), asked]).toEqual(['hidden', []]);
  });

  it('keeps and changes its value on an object that is frozen later', () => {
    const slot = privateSlot<string>();
    const user = new User();
    slot.set(user, 'before');
    Object.freeze(user);
    expect(slot.get(user)).toBe('before');
    slot.set(user, 'after');
    expect(slot.get(user)).toBe('after');
  });

  it('adds no private field to an object that takes none more, as engines will come to refuse', () => {
    const slot = privateSlot<string>();
    // The slot is a class: what has its private field can't be given it again.
    const isRefused = (target: object): boolean => {
      try {
        new (slot as unknown as new (target: object) => object)(target);
        return false;
      } catch {
        return true;
      }
    };
    const [open, frozen] = [new User(), Object.freeze(new User())];
    slot.set(open, 'hidden');
    slot.set(frozen, 'hidden');
    expect(isRefused(open)).toBe(true);
    expect(isRefused(frozen)).toBe(isRefused(Object.freeze(new User())));
  });
});
