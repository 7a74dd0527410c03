import type { AbstractAuthToken, TokenEntity } from '../entities/abstract-auth-token.entity.ts';
import { ArgumentError } from '../errors/argument.error.ts';
import { describeKind } from '../errors/knox-config.error.ts';
import { digestOf, isWellFormedToken, type HashAlgorithm } from '../tokens/token.ts';

/**
 * The digest of a token that is given raw or as its entity; null for a string that cannot be a token.
 *
 * @throws ArgumentError for anything else
 */
export function digestOfAny<Token extends AbstractAuthToken>(
  tokenOrAuthToken: string | Token,
  tokenEntity: TokenEntity<Token>,
  hashAlgorithm: HashAlgorithm,
): string | null {
  if (tokenOrAuthToken instanceof tokenEntity) return checkDigest(tokenOrAuthToken);
  if (typeof tokenOrAuthToken !== 'string') {
    throw new ArgumentError(`Expected a token, or an instance of ${tokenEntity.name}.`);
  }
  return isWellFormedToken(tokenOrAuthToken) ? digestOf(tokenOrAuthToken, hashAlgorithm) : null;
}

/** MariaDB would compare a digest that is a number with all digests as numbers. */
function checkDigest({ digest, constructor }: { readonly digest: unknown }): string {
  if (typeof digest === 'string' && /^[0-9a-f]+$/.test(digest)) return digest;
  throw new ArgumentError(
    `The ${constructor.name} has no digest: expected a string of hexadecimal; got ${describeKind(digest)}.`,
  );
}
