import { hash, randomBytes } from 'node:crypto';

/**
 * The hashes under which a token may be stored. Node's own list will not do: it has broken hashes, OIDs and names of
 * signatures. Each of these gives at most 128 hexadecimal characters, the width of the column.
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

/** How many characters of a token are stored in clear (knox: CONSTANTS.TOKEN_KEY_LENGTH). */
export const TOKEN_KEY_LENGTH = 15;

/** The most characters a prefix may have (knox: CONSTANTS.MAXIMUM_TOKEN_PREFIX_LENGTH). */
export const MAX_PREFIX_LENGTH = 10;

/** The fewest and the most characters of the random part. */
export const RANDOM_LENGTH = { min: 48, max: 256 } as const;

const PREFIX = new RegExp(`^[A-Za-z0-9_-]{0,${String(MAX_PREFIX_LENGTH)}}$`);

/**
 * The longest token there can be; nothing longer is hashed, so that a huge header costs nothing. It takes all visible
 * ASCII, because tokens that knox made may have other prefixes.
 */
const TOKEN = new RegExp(`^[\\x21-\\x7e]{1,${String(MAX_PREFIX_LENGTH + RANDOM_LENGTH.max)}}$`);

/** Whether this may be the prefix of a token. */
export function isTokenPrefix(value: unknown): value is string {
  return typeof value === 'string' && PREFIX.test(value);
}

/** Whether this can be a token. If it cannot, it is refused without a query. */
export function isWellFormedToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

/** A new token: the prefix and `length` random hexadecimal characters. */
export function generateToken(prefix: string, length: number): string {
  return prefix + randomBytes(length / 2).toString('hex');
}

/**
 * The hash of the whole token, prefix included, in lowercase hexadecimal.
 *
 * @see knox/crypto.py, hash_token
 */
export function digestOf(token: string, algorithm: HashAlgorithm): string {
  return hash(algorithm, token, 'hex');
}

/** The token's first 15 characters, prefix included. The owner may see them; they prove nothing. */
export function tokenKeyOf(token: string): string {
  return token.slice(0, TOKEN_KEY_LENGTH);
}
