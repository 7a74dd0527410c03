import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  djangoPasswordNeedsUpgrade,
  DjangoPasswordError,
  makeDjangoPassword,
  verifyDjangoPassword,
  type Argon2Package,
} from '../../lib/django/index.ts';

interface Vector {
  name: string;
  password: string;
  encoded: string;
}

const VECTORS = JSON.parse(
  readFileSync(new URL('../fixtures/django-passwords/hashes.json', import.meta.url), 'utf8'),
) as Vector[];

const named = (name: string): Vector => VECTORS.find((vector) => vector.name === name)!;
const SMALL = named('pbkdf2_sha256, one iteration');
const BCRYPT = named('bcrypt $2a$');

/** The hashes in the rows of a real Django. The password is `hunter2`. */
const FIXTURE_ROWS = [
  ...readFileSync(
    new URL('../fixtures/django-rest-knox/postgres.sql', import.meta.url),
    'utf8',
  ).matchAll(/INSERT INTO public.auth_user VALUES \(\d+, '(.*?)'/g),
].map(([, encoded]) => encoded!);

async function errorOf(encoded: string, password = 'hunter2'): Promise<DjangoPasswordError> {
  const error: unknown = await verifyDjangoPassword(password, encoded).catch((e: unknown) => e);
  if (error instanceof DjangoPasswordError) return error;
  throw new Error(`No DjangoPasswordError, but ${String(error)}`);
}

describe('verifyDjangoPassword', () => {
  it.each(VECTORS)('knows the password: $name', async ({ password, encoded }) => {
    expect(await verifyDjangoPassword(password, encoded)).toBe(true);
    expect(await verifyDjangoPassword(`${password}r`, encoded)).toBe(false);
  });

  it('knows the passwords of the rows that Django 4.2 wrote', async () => {
    expect(FIXTURE_ROWS).toHaveLength(3);
    for (const encoded of FIXTURE_ROWS) {
      expect(await verifyDjangoPassword('hunter2', encoded)).toBe(true);
      expect(await verifyDjangoPassword('Hunter2', encoded)).toBe(false);
    }
  });

  it('tells forms of one character apart, as Django does', async () => {
    const composed = named('pbkdf2_sha256 of a password beyond ASCII');
    const decomposed = named('pbkdf2_sha256 of the same, decomposed');
    expect(composed.password.normalize('NFD')).toBe(decomposed.password);
    expect(await verifyDjangoPassword(composed.password, decomposed.encoded)).toBe(false);
    expect(await verifyDjangoPassword(decomposed.password, composed.encoded)).toBe(false);
  });

  it('takes no lone surrogate for the character that replaces it', async () => {
    const encoded = await makeDjangoPassword('\ufffd', { iterations: 1 });
    expect(await verifyDjangoPassword('\ufffd', encoded)).toBe(true);
    expect(await verifyDjangoPassword('\ud800', encoded)).toBe(false);
  });

  it('reads no bcrypt password only up to a NUL', async () => {
    expect(await verifyDjangoPassword('hunter2\0and more', BCRYPT.encoded)).toBe(false);
  });

  it.each([
    ['unusable', '!aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcd'],
    ['empty', ''],
    ['null', null],
    ['missing', undefined],
  ])('refuses any password of a hash that is %s, and takes its time', async (_, encoded) => {
    const start = process.cpuUsage();
    expect(await verifyDjangoPassword('', encoded)).toBe(false);
    const { user } = process.cpuUsage(start);
    // A million iterations take at least a tenth of a second on any machine, no iterations almost no time.
    expect(user).toBeGreaterThan(40_000);
  });

  it('spends the iterations that the option says on a hash that is unusable', async () => {
    await expect(verifyDjangoPassword('x', '!', { iterations: 0 })).rejects.toThrow(
      new TypeError('iterations must be a positive integer, 10000000 at most; got a number.'),
    );
    // A higher number would make a hash that is refused as too costly.
    await expect(makeDjangoPassword('x', { iterations: 10_000_001 })).rejects.toThrow(
      new TypeError('iterations must be a positive integer, 10000000 at most; got 10000001.'),
    );
    expect(await verifyDjangoPassword('x', '!', { iterations: 1 })).toBe(false);
  });

  it.each([false, true])('takes as long over a hash of fewer iterations: %s', async (matches) => {
    const encoded = await makeDjangoPassword('hunter2', { iterations: 1 });
    const start = process.cpuUsage();
    expect(await verifyDjangoPassword(matches ? 'hunter2' : 'other', encoded)).toBe(matches);
    const { user } = process.cpuUsage(start);
    // The right password is confirmed at once: only a wrong one has to take as long.
    if (matches) expect(user).toBeLessThan(40_000);
    else expect(user).toBeGreaterThan(40_000);
  });

  it('reads what PHP calls $2y$, which is $2b$', async () => {
    const encoded = BCRYPT.encoded.replace('$2a$', '$2y$');
    expect(encoded).not.toBe(BCRYPT.encoded);
    expect(await verifyDjangoPassword(BCRYPT.password, encoded)).toBe(true);
    expect(await verifyDjangoPassword(`${BCRYPT.password}r`, encoded)).toBe(false);
  });

  it('asks the packages it is given', async () => {
    const asked: unknown[] = [];
    const argon2: Argon2Package = {
      verify: async (...args) => asked.push(args) > 0,
    };
    const { encoded } = named('argon2id, small');
    expect(await verifyDjangoPassword('anything', encoded, { argon2 })).toBe(true);
    expect(asked).toEqual([[encoded.slice('argon2'.length), 'anything']]);
    const bcrypt = { compare: async () => false };
    expect(await verifyDjangoPassword('hunter2', BCRYPT.encoded, { bcrypt })).toBe(false);
  });

  it('wants strings', async () => {
    const wrong = verifyDjangoPassword as (...args: unknown[]) => Promise<boolean>;
    await expect(wrong(1, SMALL.encoded)).rejects.toThrow(
      new TypeError('The password must be a string; got a number.'),
    );
    await expect(wrong('hunter2', { $ne: '' })).rejects.toThrow(
      new TypeError('The encoded hash must be a string; got an object.'),
    );
  });

  describe('a hash that can’t be checked', () => {
    it.each([
      'md5$salt$c4ca4238a0b923820dcc509a6f75849b',
      'sha1$$x',
      'pbkdf2_sha512$1$salt$aGFzaA==',
    ])('names the algorithm it does not know: %s', async (encoded) => {
      const [algorithm] = encoded.split('$') as [string];
      const error = await errorOf(encoded);
      expect(error).toMatchObject({ code: 'unknown_algorithm', algorithm });
      expect(error.message).toBe(
        `Django password hash (${algorithm}): this algorithm is not among those that can be ` +
          'checked: pbkdf2_sha256, pbkdf2_sha1, scrypt, argon2, bcrypt_sha256, bcrypt.',
      );
    });

    it.each([
      'pbkdf2_sha256$1000$seasalt',
      'pbkdf2_sha256$1000$$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      'pbkdf2_sha256$0$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      'pbkdf2_sha256$-1$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      'pbkdf2_sha256$1e3$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      'pbkdf2_sha256$1000$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8',
      'pbkdf2_sha256$1000$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=$',
      'pbkdf2_sha256$1000$seasalt$ak9Xuye0',
      'pbkdf2_sha1$1000$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      'scrypt$3$seasalt$1$1$hJZD2wwo+ftLq/p2nzLlvfcub9ynlO2IPxZJ5DVSOg5LldH9fI/WDbyEPOtxyr3qjvC6WNPI5Z2OSorImwLiCg==',
      'scrypt$1$seasalt$1$1$hJZD2wwo+ftLq/p2nzLlvfcub9ynlO2IPxZJ5DVSOg5LldH9fI/WDbyEPOtxyr3qjvC6WNPI5Z2OSorImwLiCg==',
      'scrypt$2$seasalt$1$aGFzaA==',
      'argon2$argon2id$v=19$m=64,t=1$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ',
      'argon2$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdHNlYXNhbHQ',
      'argon2$argon2id$v=999$m=64,t=1,p=1$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ',
      'argon2$argon2id$v=19$m=7,t=1,p=1$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ',
      'argon2$argon2id$v=19$m=64,t=1,p=0$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ',
      'argon2$argon2id$v=19$m=64,t=1,p=1$YQ$FmhD207ZIk+Wiv4PvslTYQ',
      'bcrypt$$2b$12$tooshort',
      'bcrypt$$2b$03$ee7OYMxvJJliKyimvF6sMuKzPbPtX1Gqx0ekNliDvHkmwjkzPa/iu',
      'bcrypt_sha256$2b$12$uWts3HbyFMtjqqtimZdyE.acR7V5puSGv4a8NIqXO/CXIS4GzaKZ6',
    ])('says that it is malformed, and not what it is: %s', async (encoded) => {
      const [algorithm] = encoded.split('$') as [string];
      const error = await errorOf(encoded);
      expect(error).toMatchObject({ code: 'malformed_hash', algorithm });
      expect(error.message).toBe(
        `Django password hash (${algorithm}): it is not of the form that Django writes.`,
      );
    });

    it.each([
      'hunter2',
      'correct horse$battery$staple',
      'p4ssword$',
      'c4ca4238a0b923820dcc509a6f75849b',
      '$2b$05$ee7OYMxvJJliKyimvF6sMuKzPbPtX1Gqx0ekNliDvHkmwjkzPa/iu',
      `pbkdf2_sha256$1000$${'s'.repeat(500)}$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=`,
    ])('says nothing of what is no hash of Django’s: %s', async (encoded) => {
      const error = await errorOf(encoded);
      expect(error).toMatchObject({ code: 'malformed_hash', algorithm: null });
      expect(error.message).toBe('Django password hash: it is not of the form that Django writes.');
    });

    it.each([
      'pbkdf2_sha256$10000001$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      'pbkdf2_sha256$9999999999$seasalt$ak9Xuye0In48YZL7nxMqv9sgbK/vnWH3maEw3iARY/8=',
      `scrypt$${2 ** 19}$seasalt$8$1$hJZD2wwo+ftLq/p2nzLlvfcub9ynlO2IPxZJ5DVSOg5LldH9fI/WDbyEPOtxyr3qjvC6WNPI5Z2OSorImwLiCg==`,
      'scrypt$2$seasalt$1$9999999999$hJZD2wwo+ftLq/p2nzLlvfcub9ynlO2IPxZJ5DVSOg5LldH9fI/WDbyEPOtxyr3qjvC6WNPI5Z2OSorImwLiCg==',
      // RFC 7914 Section 6: 512 MiB for the blocks, though N * r * p is small.
      'scrypt$2$seasalt$1$4194304$hJZD2wwo+ftLq/p2nzLlvfcub9ynlO2IPxZJ5DVSOg5LldH9fI/WDbyEPOtxyr3qjvC6WNPI5Z2OSorImwLiCg==',
      'argon2$argon2id$v=19$m=2000000,t=1,p=1$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ',
      'argon2$argon2id$v=19$m=64,t=999999999,p=1$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ',
      'bcrypt$$2b$17$ee7OYMxvJJliKyimvF6sMuKzPbPtX1Gqx0ekNliDvHkmwjkzPa/iu',
      'bcrypt_sha256$$2b$31$ee7OYMxvJJliKyimvF6sMuKzPbPtX1Gqx0ekNliDvHkmwjkzPa/iu',
    ])('is not tried where it costs too much: %s', async (encoded) => {
      const [algorithm] = encoded.split('$') as [string];
      expect(await errorOf(encoded)).toMatchObject({ code: 'too_costly', algorithm });
    });
  });
});

describe('djangoPasswordNeedsUpgrade', () => {
  const upgrades = (name: string): boolean => djangoPasswordNeedsUpgrade(named(name).encoded);

  it('says so of what Django no longer makes by default', () => {
    expect(upgrades('pbkdf2_sha256, 260000 iterations')).toBe(true);
    expect(upgrades('pbkdf2_sha1')).toBe(true);
    expect(upgrades('argon2id, small')).toBe(true);
    expect(upgrades('argon2i, as before Django 3.2')).toBe(true);
    expect(upgrades('bcrypt')).toBe(true);
    expect(upgrades('bcrypt_sha256 of a long password')).toBe(true);
    expect(upgrades('scrypt, as Django 4.0 made it')).toBe(true);
  });

  it('leaves alone what Django makes by default', async () => {
    expect(djangoPasswordNeedsUpgrade(await makeDjangoPassword('hunter2'))).toBe(false);
    expect(upgrades('argon2, Django’s default')).toBe(false);
    expect(upgrades('bcrypt_sha256, Django’s default')).toBe(false);
    expect(upgrades('scrypt, as Django 5.1 makes it')).toBe(false);
  });

  it('goes by the iterations of the Django that is beside it', () => {
    const { encoded } = named('pbkdf2_sha256, 260000 iterations');
    expect(djangoPasswordNeedsUpgrade(encoded, { iterations: 260_000 })).toBe(false);
    expect(djangoPasswordNeedsUpgrade(encoded, { iterations: 260_001 })).toBe(true);
  });

  it('says so of a salt that is short', () => {
    expect(djangoPasswordNeedsUpgrade(SMALL.encoded, { iterations: 1 })).toBe(true);
  });

  it('has nothing to upgrade where no password is', () => {
    for (const encoded of ['!unusable', '', null, undefined]) {
      expect(djangoPasswordNeedsUpgrade(encoded)).toBe(false);
    }
  });

  it('refuses what can’t be checked', () => {
    expect(() => djangoPasswordNeedsUpgrade('md5$salt$hash')).toThrow(DjangoPasswordError);
  });
});

describe('makeDjangoPassword', () => {
  it('makes a hash as Django 5.2 does', async () => {
    const encoded = await makeDjangoPassword('hunter2');
    expect(encoded).toMatch(/^pbkdf2_sha256\$1000000\$[A-Za-z0-9]{22}\$[A-Za-z0-9+/]{43}=$/);
    expect(await verifyDjangoPassword('hunter2', encoded)).toBe(true);
  });

  it('has a new salt each time', async () => {
    const hashes = [1, 2].map(() => makeDjangoPassword('hunter2', { iterations: 1 }));
    const [one, other] = await Promise.all(hashes);
    expect(one!.split('$')[2]).not.toBe(other!.split('$')[2]);
  });

  it('wants a password that UTF-8 can write', async () => {
    const make = makeDjangoPassword as (password: unknown) => Promise<string>;
    await expect(make('\ud800')).rejects.toThrow('The password must be well-formed Unicode.');
    await expect(make(undefined)).rejects.toThrow('The password must be a string; got undefined.');
  });
});
