import { DjangoPasswordError } from './django-password.error.ts';

/** The common part of `argon2` and `@node-rs/argon2`. */
export interface Argon2Package {
  verify(hash: string, password: string): Promise<boolean>;
}

/** The common part of `bcrypt`, `bcryptjs` and `@node-rs/bcrypt`. */
export interface BcryptPackage {
  compare(password: string, hash: string): Promise<boolean>;
}

/** The packages to try, in this order. */
const PACKAGES = {
  argon2: { names: ['argon2', '@node-rs/argon2'], method: 'verify' },
  bcrypt: { names: ['bcrypt', '@node-rs/bcrypt', 'bcryptjs'], method: 'compare' },
} as const;

const loaded = new Map<string, object>();

/** The first argon2 package that the application has. @throws DjangoPasswordError if there is none */
export function loadArgon2(): Promise<Argon2Package> {
  return load<Argon2Package>('argon2', 'argon2');
}

/** The first bcrypt package that the application has. @throws DjangoPasswordError if there is none */
export function loadBcrypt(algorithm: string): Promise<BcryptPackage> {
  return load<BcryptPackage>('bcrypt', algorithm);
}

async function load<Package extends object>(
  kind: keyof typeof PACKAGES,
  algorithm: string,
): Promise<Package> {
  const known = loaded.get(kind);
  if (known) return known as Package;
  const { names, method } = PACKAGES[kind];
  let broken: unknown;
  for (const name of names) {
    try {
      const namespace = (await import(name)) as Record<string, unknown> & { default?: object };
      const found = method in namespace ? namespace : namespace.default;
      if (!found) continue;
      loaded.set(kind, found);
      return found as Package;
    } catch (error) {
      if (!isMissing(error)) broken ??= error;
    }
  }
  throw new DjangoPasswordError(
    'missing_package',
    algorithm,
    `checking it needs a package that does not load here; install one of ${names.join(', ')}, ` +
      `or pass it: verifyDjangoPassword(password, encoded, { ${kind} }).`,
    { cause: broken },
  );
}

function isMissing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}
