import type { HttpException } from '@nestjs/common';
import { privateSlot } from '../requests/private-slot.ts';
import { KnoxForbiddenException, KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { KnoxResponse } from './execution-context.ts';
import type { RequestAuthenticator } from './request-authenticator.ts';

/** The challenge of the built-in login, unless JSON was sent. @see RFC 7617 Section 2.1 */
export function basicChallenge(realm: string): string {
  return `Basic realm="${realm}", charset="UTF-8"`;
}

const CHALLENGE = 'WWW-Authenticate';

/** Node's response: Express's is one, and Fastify's reply has one. */
interface RawResponse {
  writeHead(this: RawResponse, status: number, ...rest: unknown[]): unknown;
  getHeader(name: string): unknown;
  removeHeader(name: string): void;
}

/** The challenge that an answer of this status is to have. */
interface Challenge {
  readonly status: number;
  readonly text: string;
}

const challenges = privateSlot<Challenge>();

/** The challenge of KnoxAuthGuard. @see RFC 6750 Section 3 for the error attribute */
export function tokenChallenge(scheme: string, realm: string, tokenGiven: boolean): string {
  return `${scheme} realm="${realm}"${tokenGiven ? ', error="invalid_token"' : ''}`;
}

/** The challenge to a good token that may not do this. */
function forbiddenChallenge(scheme: string, realm: string, attributes: string): string {
  return `${scheme} realm="${realm}", ${attributes}`;
}

/** The challenge that goes with what was thrown for a token of this realm; undefined: none does. */
export function challengeOf(
  error: unknown,
  { settings, realm }: RequestAuthenticator,
): string | undefined {
  if (error instanceof KnoxUnauthorizedException) {
    return tokenChallenge(settings.authHeaderPrefix, realm, error.tokenGiven);
  }
  return error instanceof KnoxForbiddenException && error.challenge !== ''
    ? forbiddenChallenge(settings.authHeaderPrefix, realm, error.challenge)
    : undefined;
}

/** Sets the challenge, if the answer has headers: a socket message has none. */
export function setChallenge(response: Partial<KnoxResponse> | null, challenge: string): void {
  response?.header?.(CHALLENGE, challenge);
}

/**
 * Sets the challenge of an HTTP answer, which is sent with this status alone: another guard may let the request pass, if
 * the application combines guards so.
 */
export function setChallengeOfStatus(
  response: Partial<KnoxResponse>,
  status: number,
  text: string,
): void {
  setChallenge(response, text);
  const raw = ((response as { raw?: object }).raw ?? response) as Partial<RawResponse>;
  const { writeHead } = raw;
  if (!writeHead) return;
  const isWatched = challenges.get(raw) !== undefined;
  challenges.set(raw, { status, text });
  if (isWatched) return;
  raw.writeHead = function (sent, ...rest) {
    if (sent !== challenges.get(this)?.status) withdraw(this, rest.at(-1));
    return writeHead.call(this, sent, ...rest);
  };
}

/** The error, once the HTTP answer has the challenge that goes with it. */
export function challenged(
  error: unknown,
  response: Partial<KnoxResponse>,
  requests: RequestAuthenticator,
): unknown {
  const challenge = challengeOf(error, requests);
  if (challenge !== undefined) {
    setChallengeOfStatus(response, (error as HttpException).getStatus(), challenge);
  }
  return error;
}

/** Takes the challenge off the headers that are set, and off those that Fastify passes to `writeHead`. */
function withdraw(response: RawResponse, passed: unknown): void {
  const challenge = challenges.get(response)?.text;
  if (response.getHeader(CHALLENGE) === challenge) response.removeHeader(CHALLENGE);
  if (typeof passed !== 'object' || passed === null) return;
  const name = CHALLENGE.toLowerCase();
  if ((passed as Record<string, unknown>)[name] === challenge) Reflect.deleteProperty(passed, name);
}
