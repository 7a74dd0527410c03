import { DjangoPasswordError } from './django-password.error.ts';

/** The parts of a hash in Django's `password` column. */
export type DjangoHash = Pbkdf2Hash | ScryptHash | Argon2Hash | BcryptHash;

export interface Pbkdf2Hash {
  readonly algorithm: 'pbkdf2_sha256' | 'pbkdf2_sha1';
  readonly iterations: number;
  readonly salt: string;
  readonly hash: Buffer;
}

export interface ScryptHash {
  readonly algorithm: 'scrypt';
  readonly workFactor: number;
  readonly blockSize: number;
  readonly parallelism: number;
  readonly salt: string;
  readonly hash: Buffer;
}

interface Argon2Hash {
  readonly algorithm: 'argon2';
  /** The hash in the format of the argon2 packages. */
  readonly encoded: string;
  readonly variant: string;
  readonly memoryKiB: number;
  readonly timeCost: number;
}

export interface BcryptHash {
  readonly algorithm: 'bcrypt' | 'bcrypt_sha256';
  /** The hash in the format of the bcrypt packages. */
  readonly encoded: string;
  readonly rounds: number;
}

/** How many bytes a hash has. @see the hashers in django/contrib/auth/hashers.py */
const HASH_BYTES = { pbkdf2_sha256: 32, pbkdf2_sha1: 20, scrypt: 64 } as const;

/**
 * The highest costs that a hash may ask for: a few seconds of one core, and several times what Django and OWASP
 * recommend. A row that an attacker has changed must not hold up the server.
 */
export const COST_LIMITS = {
  length: 512,
  iterations: 10_000_000,
  scryptBytes: 2 ** 28,
  scryptBlockBytes: 2 ** 24,
  scryptWork: 2 ** 23,
  argon2MemoryKiB: 2 ** 20,
  argon2Work: 2 ** 22,
  bcryptRounds: 16,
} as const;

const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const ARGON2 =
  /^\$argon2(?<variant>id|i|d)\$(?:v=(?:16|19)\$)?m=(?<memory>\d{1,9}),t=(?<time>\d{1,9}),p=(?<lanes>\d{1,3})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{6,}$/;
/** PHP writes `2y` for `2b`. */
const BCRYPT = /^\$2[aby]\$(?<rounds>\d\d)\$[./A-Za-z0-9]{53}$/;

/** @throws DjangoPasswordError for a hash that cannot be checked */
export function parseDjangoHash(encoded: string): DjangoHash {
  const algorithm = algorithmOf(encoded);
  const rest = encoded.slice(algorithm.length + 1);
  switch (algorithm) {
    case 'pbkdf2_sha256':
    case 'pbkdf2_sha1':
      return pbkdf2Hash(algorithm, rest);
    case 'scrypt':
      return scryptHash(rest);
    case 'argon2':
      // Django writes `argon2` before `$argon2id$…`, so the first `$` is part of the hash.
      return argon2Hash(`$${rest}`);
    case 'bcrypt':
    case 'bcrypt_sha256':
      return bcryptHash(algorithm, rest);
    default:
      throw new DjangoPasswordError(
        'unknown_algorithm',
        algorithm,
        'this algorithm is not among those that can be checked: pbkdf2_sha256, pbkdf2_sha1, ' +
          'scrypt, argon2, bcrypt_sha256, bcrypt.',
      );
  }
}

/** The name of the algorithm. If the column holds something else, none of it may be printed. */
function algorithmOf(encoded: string): string {
  const [name = '', ...rest] = encoded.split('$', 3);
  if (encoded.length <= COST_LIMITS.length && rest.length === 2 && NAME.test(name)) return name;
  throw malformed(null);
}

function pbkdf2Hash(algorithm: Pbkdf2Hash['algorithm'], rest: string): Pbkdf2Hash {
  const [iterations, salt, hash, ...more] = rest.split('$');
  if (!salt || more.length > 0) throw malformed(algorithm);
  const count = positive(algorithm, iterations);
  if (count > COST_LIMITS.iterations) throw tooCostly(algorithm);
  return { algorithm, iterations: count, salt, hash: bytes(algorithm, hash) };
}

function scryptHash(rest: string): ScryptHash {
  const algorithm = 'scrypt';
  const [n, salt, r, p, hash, ...more] = rest.split('$');
  if (!salt || more.length > 0) throw malformed(algorithm);
  const [workFactor, blockSize, parallelism] = [n, r, p].map((text) =>
    positive(algorithm, text),
  ) as [number, number, number];
  // RFC 7914 Section 2: N is larger than 1 and a power of 2.
  if (workFactor < 2 || !Number.isInteger(Math.log2(workFactor))) throw malformed(algorithm);
  // RFC 7914 Sections 5 and 6: V takes 128 * N * r bytes, and B 128 * r * p. PBKDF2 makes B, which takes time as well.
  const bytesOfOne = 128 * blockSize;
  if (
    bytesOfOne * workFactor > COST_LIMITS.scryptBytes ||
    bytesOfOne * parallelism > COST_LIMITS.scryptBlockBytes ||
    workFactor * blockSize * parallelism > COST_LIMITS.scryptWork
  ) {
    throw tooCostly(algorithm);
  }
  return { algorithm, workFactor, blockSize, parallelism, salt, hash: bytes(algorithm, hash) };
}

function argon2Hash(encoded: string): Argon2Hash {
  const algorithm = 'argon2';
  const { variant = '', memory, time, lanes } = ARGON2.exec(encoded)?.groups ?? {};
  const memoryKiB = positive(algorithm, memory);
  // RFC 9106 Section 3.1: the memory is at least 8 * p KiB.
  if (memoryKiB < 8 * positive(algorithm, lanes)) throw malformed(algorithm);
  const timeCost = positive(algorithm, time);
  if (memoryKiB > COST_LIMITS.argon2MemoryKiB || memoryKiB * timeCost > COST_LIMITS.argon2Work) {
    throw tooCostly(algorithm);
  }
  return { algorithm, encoded, variant, memoryKiB, timeCost };
}

function bcryptHash(algorithm: BcryptHash['algorithm'], encoded: string): BcryptHash {
  const rounds = positive(algorithm, BCRYPT.exec(encoded)?.groups?.rounds);
  if (rounds < 4) throw malformed(algorithm);
  if (rounds > COST_LIMITS.bcryptRounds) throw tooCostly(algorithm);
  return { algorithm, encoded: encoded.replace(/^\$2y/, '$2b'), rounds };
}

function positive(algorithm: DjangoHash['algorithm'], text = ''): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value === 0) throw malformed(algorithm);
  return value;
}

function bytes(algorithm: keyof typeof HASH_BYTES, text = ''): Buffer {
  const hash = Buffer.from(text, 'base64');
  // Buffer skips characters that are not base64, while Django compares the text.
  const isWhole = hash.length === HASH_BYTES[algorithm] && hash.toString('base64') === text;
  if (!isWhole) throw malformed(algorithm);
  return hash;
}

function malformed(algorithm: string | null): DjangoPasswordError {
  return new DjangoPasswordError(
    'malformed_hash',
    algorithm,
    'it is not of the form that Django writes.',
  );
}

function tooCostly(algorithm: string): DjangoPasswordError {
  return new DjangoPasswordError(
    'too_costly',
    algorithm,
    'checking it would take more time or memory than a login may; see docs/from/django-rest-knox.md.',
  );
}
