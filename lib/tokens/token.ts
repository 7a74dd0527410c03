import { hash, randomBytes } from 'node:crypto';

/**
 * The hashes a token may be stored under. A list, since Node's createHash also takes broken hashes,
 * OIDs and signature names. Each gives at most 128 hexadecimal characters.
 */
export const HASH_ALGORITHMS = [
  'sha256',
  'sha384',
  'sha512',
  'sha3-256',
  'sha3-384',
  'sha3-512',
  'blake2b512',
] as const;

export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** How many of its first characters a token shows to its owner (knox: CONSTANTS.TOKEN_KEY_LENGTH). */
export const TOKEN_KEY_LENGTH = 15;

/** The most characters a prefix may have (knox: CONSTANTS.MAXIMUM_TOKEN_PREFIX_LENGTH). */
export const MAX_PREFIX_LENGTH = 10;

/** The fewest and the most characters of the random part. */
export const RANDOM_LENGTH = { min: 48, max: 256 } as const;

const PREFIX = new RegExp(`^[A-Za-z0-9_-]{0,${String(MAX_PREFIX_LENGTH)}}$`);

/**
 * No token was ever longer than this, so nothing longer is hashed. Visible ASCII rather than the
 * narrower alphabet of our own: rows that knox wrote may have other prefixes.
 */
const TOKEN = new RegExp(`^[\\x21-\\x7e]{1,${String(MAX_PREFIX_LENGTH + RANDOM_LENGTH.max)}}$`);

/** Whether these characters may stand before the random part. */
export function isTokenPrefix(value: unknown): value is string {
  return typeof value === 'string' && PREFIX.test(value);
}

/** Whether this could be a token at all; what could not is refused without asking anyone. */
export function isWellFormedToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

/** A new token: the prefix, and `length` hexadecimal characters from the system's random source. */
export function generateToken(prefix: string, length: number): string {
  return prefix + randomBytes(length / 2).toString('hex');
}

/**
 * The token's digest, in lowercase hexadecimal, over the UTF-8 bytes of the whole token, prefix
 * included.
 *
 * @see knox/crypto.py, hash_token
 */
export function digestOf(token: string, algorithm: HashAlgorithm): string {
  return hash(algorithm, token, 'hex');
}

/** The first 15 characters, prefix included: to show to the owner; no secret and no proof. */
export function tokenKeyOf(token: string): string {
  return token.slice(0, TOKEN_KEY_LENGTH);
}
