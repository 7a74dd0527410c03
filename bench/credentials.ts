import { createHash, createHmac } from 'node:crypto';
import { createSigner } from 'fast-jwt';

/** Signs the JWTs and better-auth's session tokens. */
export const SECRET = '4e2b0c1f7a9d4c6e8b3a5d7f9c1e2a4b6d8f0a2c4e6b8d0f1a3c5e7b9d0f2a4c';

export type CredentialKind = 'knox' | 'knox-cookie' | 'jwt' | 'better-auth';

/** The cookie of `knox-cookie`. */
export const COOKIE_NAME = 'session';

/** The numbers of a token and of its user, from 1. The rows are derived from the same numbers, in SQL. */
export interface Credential {
  readonly token: number;
  readonly user: number;
}

/** Tokens numbered `from` to `to`, dealt in turn to `users` users from `firstUser` on. */
export interface Tokens {
  readonly from: number;
  readonly to: number;
  readonly firstUser: number;
  readonly users: number;
  readonly expired?: boolean;
}

/** The user of a token. */
export const userOf = (token: number, { from, firstUser, users }: Tokens): number =>
  firstUser + ((token - from) % users);

/** The credentials of `count` tokens, spread over all of them. Default: each token. */
export function credentialsOf(
  tokens: Tokens,
  count = tokens.to - tokens.from + 1,
): [Credential, ...Credential[]] {
  const step = (tokens.to - tokens.from + 1) / count;
  const credentials = Array.from({ length: count }, (_, index) => {
    const token = tokens.from + Math.floor(index * step);
    return { token, user: userOf(token, tokens) };
  });
  return credentials as [Credential, ...Credential[]];
}

export const userNameOf = (user: number): string => `user-${user}`;

/** 64 hexadecimal characters, as the package makes them. */
export const rawToken = (number: number): string => sha256(`token-${number}`);

/** 32 characters, as better-auth makes them. */
const sessionToken = (number: number): string => sha256(`session-${number}`).slice(0, 32);

const signJwt = createSigner({ key: SECRET, algorithm: 'HS256', expiresIn: '10h' });

/** The header that a request brings its credential in. */
export function headerOf(
  kind: CredentialKind,
  credential: Credential,
): readonly [name: 'Authorization' | 'Cookie', value: string] {
  return kind === 'knox-cookie'
    ? ['Cookie', `${COOKIE_NAME}=${rawToken(credential.token)}`]
    : ['Authorization', authorization(kind, credential)];
}

function authorization(
  kind: Exclude<CredentialKind, 'knox-cookie'>,
  { token, user }: Credential,
): string {
  switch (kind) {
    case 'knox':
      return `Token ${rawToken(token)}`;
    case 'jwt':
      return `Bearer ${signJwt({ sub: String(user), username: userNameOf(user), jti: String(token) })}`;
    case 'better-auth': {
      // The form of its `set-auth-token` header.
      const value = sessionToken(token);
      const signature = createHmac('sha256', SECRET).update(value).digest('base64');
      return `Bearer ${encodeURIComponent(`${value}.${signature}`)}`;
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
