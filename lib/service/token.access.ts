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

/** The columns of a token that tell its user which device it is; only those that the token entity has. */
interface SessionColumns {
  readonly name?: string | null;
  readonly abilities?: readonly string[] | null;
  readonly lastUsed?: Date | null;
  readonly ip?: string | null;
  readonly userAgent?: string | null;
}

const SESSION_COLUMNS = ['name', 'abilities', 'lastUsed', 'ip', 'userAgent'] as const;

/** What the columns of features say of a token. */
export function sessionColumns(authToken: AbstractAuthToken): SessionColumns {
  const values = authToken as SessionColumns;
  return Object.fromEntries(
    SESSION_COLUMNS.filter((feature) => hasFeature(authToken, feature)).map((feature) => [
      feature,
      values[feature] ?? null,
    ]),
  );
}
