import { authorizationValues, splitWords } from './authorization-header.ts';
import type { KnoxRequest } from './knox-request.ts';

/** The credentials of a login request. `malformed` tells the client why they cannot be used. */
export type LoginCredentials =
  | { readonly via: 'basic' | 'body'; readonly username: string; readonly password: string }
  | { readonly via: 'basic' | 'body'; readonly malformed: string }
  | { readonly via: 'both' }
  | { readonly via: 'ambiguous' }
  | { readonly via: 'nothing' };

/** Names of the JSON fields that hold the credentials. */
interface CredentialFields {
  readonly usernameField: string;
  readonly passwordField: string;
}

/** Longer names and passwords are refused, before an expensive hash is computed of them. */
const MAX_LENGTH = 4096;

// eslint-disable-next-line no-control-regex -- RFC 7617 forbids exactly these characters
const CONTROL = /[\u0000-\u001f\u007f]/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the credentials of a login from the Authorization header or from the body. */
export function parseLoginCredentials(
  request: KnoxRequest,
  fields: CredentialFields,
): LoginCredentials {
  const headers = authorizationValues(request);
  if (headers.length > 1) return { via: 'ambiguous' };
  const [header] = headers;
  const { body } = request;
  if (header !== undefined && isBasic(header)) {
    return bodyHolds(body, fields) ? { via: 'both' } : fromBasic(splitWords(header).slice(1));
  }
  if (isUnparsed(request)) {
    return { via: 'body', malformed: 'The body was not parsed; send it as application/json.' };
  }
  if (isNothing(body)) return { via: 'nothing' };
  // Login CSRF: another site's form can post anything but JSON, so only JSON is accepted.
  return isJson(request)
    ? fromBody(body, fields)
    : { via: 'body', malformed: 'The body must be JSON, sent as application/json.' };
}

function isJson(request: KnoxRequest): boolean {
  const [type = ''] = [request.headers['content-type'] ?? []].flat();
  return /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(type);
}

/** Whether a body was sent, and no Basic credentials: a script sent it, and not a browser's own dialog. */
export function hasOnlyBodyCredentials(request: KnoxRequest): boolean {
  return !authorizationValues(request).some(isBasic) && !isNothing(request.body);
}

function isBasic(header: string): boolean {
  return splitWords(header)[0]?.toLowerCase() === 'basic';
}

/** RFC 7617 Section 2: base64 of `user-id:password`, split at the first colon, without control characters. */
function fromBasic(words: string[]): LoginCredentials {
  const [encoded] = words;
  if (encoded === undefined || words.length > 1 || !BASE64.test(encoded)) {
    return { via: 'basic', malformed: 'The Basic credentials are not base64.' };
  }
  let text: string;
  try {
    text = utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return { via: 'basic', malformed: 'The Basic credentials are not UTF-8.' };
  }
  const colon = text.indexOf(':');
  if (colon === -1) return { via: 'basic', malformed: 'The Basic credentials hold no colon.' };
  const username = text.slice(0, colon);
  const password = text.slice(colon + 1);
  if (CONTROL.test(text) || username.length > MAX_LENGTH || password.length > MAX_LENGTH) {
    return { via: 'basic', malformed: 'The Basic credentials are malformed.' };
  }
  return { via: 'basic', username, password };
}

function fromBody(body: unknown, fields: CredentialFields): LoginCredentials {
  const malformed = (reason: string): LoginCredentials => ({ via: 'body', malformed: reason });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return malformed('The body must be a JSON object.');
  }
  const [username, password] = [fields.usernameField, fields.passwordField].map((name) =>
    Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined,
  );
  for (const [name, value] of [
    [fields.usernameField, username],
    [fields.passwordField, password],
  ] as const) {
    const problem = problemWith(value);
    if (problem !== null) return malformed(`"${name}" ${problem}.`);
  }
  return { via: 'body', username: username as string, password: password as string };
}

/** Refuses what a database's text column cannot take, so that it is a 400 here and not a 500 in a query. */
function problemWith(value: unknown): string | null {
  if (value === undefined) return 'is required';
  if (typeof value !== 'string') return 'must be a string';
  if (value.length > MAX_LENGTH) return `must have at most ${String(MAX_LENGTH)} characters`;
  if (value.includes('\0')) return 'must not contain a NUL character';
  if (!value.isWellFormed()) return 'must be well-formed Unicode';
  return null;
}

function bodyHolds(body: unknown, { usernameField, passwordField }: CredentialFields): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return Object.hasOwn(body, usernameField) || Object.hasOwn(body, passwordField);
}

/** Whether a body was sent that no parser took: the application has none for its type, or none at all. */
function isUnparsed({ body, headers }: KnoxRequest): boolean {
  if (body !== undefined) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** An empty object counts as no body: body parsers give it for an empty one. */
function isNothing(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return body === undefined;
  return !Array.isArray(body) && Object.keys(body).length === 0;
}
