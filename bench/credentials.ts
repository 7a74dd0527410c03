import { createHash, createHmac } from 'node:crypto';
import { createSigner } from 'fast-jwt';

/** Signs the JWTs and better-auth's session tokens. */
export const SECRET = '4e2b0c1f7a9d4c6e8b3a5d7f9c1e2a4b6d8f0a2c4e6b8d0f1a3c5e7b9d0f2a4c';

export type CredentialKind = 'knox' | 'jwt' | 'better-auth';

/** The numbers of a token and of its user, from 1. The rows are derived from the same numbers, in SQL. */
export interface Credential {
  readonly token: number;
  readonly user: number;
}

export const userNameOf = (user: number): string => `user-${user}`;

/** 64 hexadecimal characters, as the package makes them. */
export const rawToken = (number: number): string => sha256(`token-${number}`);

/** 32 characters, as better-auth makes them. */
const sessionToken = (number: number): string => sha256(`session-${number}`).slice(0, 32);

const signJwt = createSigner({ key: SECRET, algorithm: 'HS256', expiresIn: '10h' });

/** The value of the Authorization header. */
export function authorization(kind: CredentialKind, { token, user }: Credential): string {
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
