import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { hasFeature } from '../entities/feature-columns.ts';

export { abilitiesOf } from '../entities/base-token.ts';

/** When the token's holder last proved a password. */
export function authenticatedAt(authToken: AbstractAuthToken): Date {
  const { authenticated } = authToken as { readonly authenticated?: Date | null };
  return hasFeature(authToken, 'authenticated') && authenticated
    ? authenticated
    : authToken.created;
}
