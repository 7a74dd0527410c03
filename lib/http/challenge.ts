import type { KnoxResponse } from './execution-context.ts';

/** What a 401 of the built-in login names where HTTP Basic was used. @see RFC 7617 Section 2.1 */
export const BASIC_CHALLENGE = 'Basic realm="api", charset="UTF-8"';

/** What a 401 of the guard names. @see RFC 6750 Section 3 for the error attribute */
export function tokenChallenge(scheme: string, tokenGiven: boolean): string {
  return `${scheme} realm="api"${tokenGiven ? ', error="invalid_token"' : ''}`;
}

/** Puts the challenge on the answer, where there is one to put it on. */
export function setChallenge(response: Partial<KnoxResponse> | null, challenge: string): void {
  response?.header?.('WWW-Authenticate', challenge);
}
