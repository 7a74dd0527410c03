import type { KnoxResponse } from './execution-context.ts';

/** The challenge of the built-in login, unless JSON was sent. @see RFC 7617 Section 2.1 */
export const BASIC_CHALLENGE = 'Basic realm="api", charset="UTF-8"';

/** The challenge of KnoxAuthGuard. @see RFC 6750 Section 3 for the error attribute */
export function tokenChallenge(scheme: string, tokenGiven: boolean): string {
  return `${scheme} realm="api"${tokenGiven ? ', error="invalid_token"' : ''}`;
}

/** Sets the challenge, if the answer has headers: a socket message has none. */
export function setChallenge(response: Partial<KnoxResponse> | null, challenge: string): void {
  response?.header?.('WWW-Authenticate', challenge);
}
