import { createHash, pbkdf2, randomInt, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { describeKind } from '../errors/knox-config.error.ts';
import {
  COST_LIMITS,
  parseDjangoHash,
  type BcryptHash,
  type DjangoHash,
  type Pbkdf2Hash,
  type ScryptHash,
} from './django-hash.ts';
import { loadArgon2, loadBcrypt, type Argon2Package, type BcryptPackage } from './hash-packages.ts';

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify<string, string, number, object, Buffer>(scrypt);

/** The defaults of Django's hashers. @see django/contrib/auth/hashers.py of Django 5.2 */
const DJANGO = {
  iterations: 1_000_000,
  saltLength: 22,
  argon2MemoryKiB: 102_400,
  argon2TimeCost: 2,
  bcryptRounds: 12,
  scryptWorkFactor: 2 ** 14,
  scryptBlockSize: 8,
  scryptParallelism: 5,
} as const;

const SALT_CHARACTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The settings of Django's PBKDF2 hashers. */
export interface DjangoHasherOptions {
  /** How many iterations of PBKDF2 the Django beside this app uses. Default 1 000 000, as in Django 5.2. */
  iterations?: number | undefined;
}

/** Options of `verifyDjangoPassword`. */
export interface DjangoPasswordOptions extends DjangoHasherOptions {
  /** The package that checks argon2 hashes. Default: argon2 or @node-rs/argon2. */
  argon2?: Argon2Package | undefined;
  /** The package that checks bcrypt hashes. Default: bcrypt, @node-rs/bcrypt or bcryptjs. */
  bcrypt?: BcryptPackage | undefined;
}

/**
 * Whether the hash in Django's `password` column is one of this password. False for an unusable hash (`!…`), an empty one
 * and none. Attackers measure response times to learn which users exist. So these cases, and a wrong password for a
 * PBKDF2 hash of fewer iterations, take as long as PBKDF2 does with the iterations of the option.
 *
 * @throws DjangoPasswordError for a hash that cannot be checked
 * @see django/contrib/auth/hashers.py
 * @publicApi
 */
export async function verifyDjangoPassword(
  password: string,
  encoded: string | null | undefined,
  options: DjangoPasswordOptions = {},
): Promise<boolean> {
  if (typeof password !== 'string') throw notAString('password', password);
  if (!isUsable(encoded)) {
    await pbkdf2Of('pbkdf2_sha256', password, randomSalt(), iterationsOf(options), 32);
    return false;
  }
  const hash = parseDjangoHash(encoded);
  const iterations = iterationsOf(options);
  // UTF-8 cannot encode a lone surrogate, so no password that Django has hashed contains one.
  const matches = password.isWellFormed() && (await isHashOf(hash, password, options));
  // A hash of fewer iterations is checked faster, which would tell that the user exists. Spend the difference.
  if (!matches && 'iterations' in hash && hash.iterations < iterations) {
    const missing = iterations - hash.iterations;
    await pbkdf2Of(hash.algorithm, password, hash.salt, missing, hash.hash.length);
  }
  return matches;
}

/**
 * Whether a hash is weaker than those that Django makes by default. Replace it at the next login, when the password is
 * known and proven, by `makeDjangoPassword` or a hash of the application. False for an unusable hash.
 *
 * @throws DjangoPasswordError for a hash that cannot be checked
 * @publicApi
 */
export function djangoPasswordNeedsUpgrade(
  encoded: string | null | undefined,
  options: DjangoHasherOptions = {},
): boolean {
  const iterations = iterationsOf(options);
  if (!isUsable(encoded)) return false;
  const hash = parseDjangoHash(encoded);
  switch (hash.algorithm) {
    case 'pbkdf2_sha256':
      return hash.iterations < iterations || hash.salt.length < DJANGO.saltLength;
    case 'scrypt':
      return (
        hash.workFactor < DJANGO.scryptWorkFactor ||
        hash.blockSize < DJANGO.scryptBlockSize ||
        hash.parallelism < DJANGO.scryptParallelism
      );
    case 'argon2':
      return (
        hash.variant !== 'id' ||
        hash.memoryKiB < DJANGO.argon2MemoryKiB ||
        hash.timeCost < DJANGO.argon2TimeCost
      );
    case 'bcrypt_sha256':
      return hash.rounds < DJANGO.bcryptRounds;
    case 'pbkdf2_sha1':
    case 'bcrypt':
      return true;
  }
}

/**
 * Hashes a password with pbkdf2_sha256 and a random salt, in the format that Django reads.
 *
 * @publicApi
 */
export async function makeDjangoPassword(
  password: string,
  options: DjangoHasherOptions = {},
): Promise<string> {
  if (typeof password !== 'string') throw notAString('password', password);
  if (!password.isWellFormed()) throw new TypeError('The password must be well-formed Unicode.');
  const algorithm = 'pbkdf2_sha256';
  const iterations = iterationsOf(options);
  const salt = randomSalt();
  const hash = await pbkdf2Of(algorithm, password, salt, iterations, 32);
  return [algorithm, iterations, salt, hash.toString('base64')].join('$');
}

/** @see is_password_usable of Django. An empty column is unusable too. */
function isUsable(encoded: string | null | undefined): encoded is string {
  if (encoded === null || encoded === undefined) return false;
  if (typeof encoded !== 'string') throw notAString('encoded hash', encoded);
  return encoded !== '' && !encoded.startsWith('!');
}

async function isHashOf(
  hash: DjangoHash,
  password: string,
  options: DjangoPasswordOptions,
): Promise<boolean> {
  switch (hash.algorithm) {
    case 'pbkdf2_sha256':
    case 'pbkdf2_sha1': {
      const { algorithm, salt, iterations } = hash;
      const derived = await pbkdf2Of(algorithm, password, salt, iterations, hash.hash.length);
      return timingSafeEqual(derived, hash.hash);
    }
    case 'scrypt':
      return timingSafeEqual(await scryptOf(hash, password), hash.hash);
    case 'argon2':
      return (options.argon2 ?? (await loadArgon2())).verify(hash.encoded, password);
    case 'bcrypt':
    case 'bcrypt_sha256':
      return isBcryptOf(hash, password, options.bcrypt ?? (await loadBcrypt(hash.algorithm)));
  }
}

async function isBcryptOf(
  { algorithm, encoded }: BcryptHash,
  password: string,
  bcrypt: BcryptPackage,
): Promise<boolean> {
  if (algorithm === 'bcrypt_sha256') {
    return bcrypt.compare(createHash('sha256').update(password).digest('hex'), encoded);
  }
  // bcrypt ignores everything after a NUL: a password that only begins like the right one would match.
  return !password.includes('\0') && bcrypt.compare(password, encoded);
}

function pbkdf2Of(
  algorithm: Pbkdf2Hash['algorithm'],
  password: string,
  salt: string,
  iterations: number,
  length: number,
): Promise<Buffer> {
  const digest = algorithm === 'pbkdf2_sha1' ? 'sha1' : 'sha256';
  return pbkdf2Async(password, salt, iterations, length, digest);
}

function scryptOf(hash: ScryptHash, password: string): Promise<Buffer> {
  const { workFactor: N, blockSize: r, parallelism: p, salt } = hash;
  // RFC 7914 Sections 5 and 6: V takes 128 * N * r bytes, B takes 128 * r * p, and the rest 256 * r.
  const maxmem = 128 * r * (N + p + 2);
  return scryptAsync(password, salt, hash.hash.length, { N, r, p, maxmem });
}

function randomSalt(): string {
  const character = (): string => SALT_CHARACTERS.charAt(randomInt(SALT_CHARACTERS.length));
  return Array.from({ length: DJANGO.saltLength }, character).join('');
}

function iterationsOf({ iterations = DJANGO.iterations }: DjangoHasherOptions): number {
  const isWhole = Number.isSafeInteger(iterations) && iterations > 0;
  if (isWhole && iterations <= COST_LIMITS.iterations) return iterations;
  const found = isWhole ? String(iterations) : describeKind(iterations);
  throw new TypeError(
    `iterations must be a positive integer, ${String(COST_LIMITS.iterations)} at most; got ${found}.`,
  );
}

function notAString(what: string, value: unknown): TypeError {
  return new TypeError(`The ${what} must be a string; got ${describeKind(value)}.`);
}
