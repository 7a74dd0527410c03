import { isSubclass } from '../http/declared-guards.ts';
import { KnoxController } from '../http/knox.controller.ts';
import { KnoxSessionsController } from '../http/knox-sessions.controller.ts';
import { KnoxLoginGuard } from '../http/knox-login.guard.ts';
import type { RealmParts } from '../http/realms.ts';
import type { DeclaredRoute } from './declared-routes.ts';
import type { ErrorCodes } from './error-responses.ts';
import { TOKEN_TRANSPORTS } from '../requests/login-transport.ts';
import {
  jsonContent,
  type OpenApiDocument,
  type Parameter,
  type Response,
  type Schema,
} from './openapi.ts';
import { Schemas } from './schemas.ts';

/** What a document says of a route of this package. */
export interface RouteDescription {
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
  /** The answers that are no errors. */
  readonly responses: Readonly<Record<string, Response>>;
  /** Those that the guard does not answer. */
  readonly errors: ErrorCodes;
}

/** Describes a route of the realm for a document. */
type DescribeRoute = (parts: RealmParts, document: OpenApiDocument) => RouteDescription;

type Describe = (schemas: Schemas, parts: RealmParts) => RouteDescription;

/** The errors that the database, and nothing else, may cause. */
const UNAVAILABLE: ErrorCodes = { 503: ['unavailable'] };

const CREDENTIAL_ERRORS: ErrorCodes = {
  400: ['invalid_request'],
  401: ['not_authenticated', 'invalid_header', 'invalid_credentials'],
  ...UNAVAILABLE,
};

/** By the names of the methods of KnoxController. */
const MAIN_ROUTES: Readonly<Record<string, Describe>> = {
  login: (schemas, parts) => ({
    summary: 'Log in: make a token.',
    ...credentialsBody(schemas, parts, false),
    ...transportParameter(parts),
    responses: {
      200: tokenAnswer('The token, which is seen here and never again.', schemas, parts),
    },
    errors: {
      ...CREDENTIAL_ERRORS,
      403: ['token_limit_exceeded', ...(parts.requests.cookie ? ['cross_origin'] : [])],
    },
  }),
  logout: (schemas) => ({
    summary: 'Log out: delete the token that is presented.',
    responses: noContent('The token is deleted.', schemas, 'getLogoutResponse'),
    errors: UNAVAILABLE,
  }),
  logoutAll: (schemas) => ({
    summary: 'Log out everywhere: delete all tokens of the user.',
    responses: noContent('The tokens are deleted.', schemas, 'getLogoutAllResponse'),
    errors: UNAVAILABLE,
  }),
  reauthenticate: (schemas, parts) => ({
    summary: 'Prove the credentials again: replace the token that is presented.',
    ...credentialsBody(schemas, parts, true),
    ...transportParameter(parts),
    responses: {
      200: tokenAnswer('The token that replaces the one that was presented.', schemas, parts),
    },
    errors: CREDENTIAL_ERRORS,
  }),
};

/** By the names of the methods of KnoxSessionsController. */
const SESSION_ROUTES: Readonly<Record<string, Describe>> = {
  list: (schemas) => ({
    summary: "The user's unexpired sessions, newest first.",
    responses: { 200: answer('The sessions.', { type: 'array', items: schemas.session }) },
    errors: UNAVAILABLE,
  }),
  current: (schemas) => ({
    summary: 'The session that asks.',
    responses: { 200: answer('The session.', schemas.session) },
    errors: UNAVAILABLE,
  }),
  rename: (schemas) => ({
    summary: 'Name a session, or take its name away.',
    requestBody: { required: true, content: jsonContent(schemas.newName) },
    responses: { 200: answer('The session, renamed.', schemas.session) },
    errors: { ...UNAVAILABLE, 400: ['invalid_request'], 404: ['unknown_session'] },
  }),
  end: () => ({
    summary: 'End a session, which may be the one that asks.',
    responses: { 204: { description: 'The session has ended.' } },
    errors: { ...UNAVAILABLE, 404: ['unknown_session'] },
  }),
  endOthers: (schemas) => ({
    summary: 'End all sessions of the user but the one that asks.',
    responses: { 200: answer('How many have ended.', schemas.count) },
    errors: UNAVAILABLE,
  }),
};

/** What describes this route, if it is one of this package; an application may extend its controllers. */
export function packageRoute({ type, name }: DeclaredRoute): DescribeRoute | undefined {
  const routes = isSubclass(type, KnoxController)
    ? MAIN_ROUTES
    : isSubclass(type, KnoxSessionsController)
      ? SESSION_ROUTES
      : {};
  const describe = Object.hasOwn(routes, name) ? routes[name] : undefined;
  return describe && ((parts, document) => describe(new Schemas(type, parts, document), parts));
}

/** Whether this is a reauthentication that always answers 404, since the token entity has no column for it. */
export function isMissing({ type, name }: DeclaredRoute, { logins }: RealmParts): boolean {
  const isReauthentication = isSubclass(type, KnoxController) && name === 'reauthenticate';
  return isReauthentication && !logins.tokens.hasFeature('authenticated');
}

/** The body of a login. The application's own login guards may ask for anything: then it is not described. */
function credentialsBody(
  schemas: Schemas,
  { loginGuards, requests }: RealmParts,
  isAfterToken: boolean,
): Pick<RouteDescription, 'requestBody'> {
  if (!loginGuards.shared.some((guard) => guard instanceof KnoxLoginGuard)) return {};
  // A request has one Authorization header: if it holds the token, the credentials must be in the body.
  const required = isAfterToken && requests.settings.extractToken === null;
  const description = required
    ? 'The credentials of the user whose token is presented.'
    : 'The credentials, unless HTTP Basic holds them.';
  const schema = isAfterToken ? schemas.credentials : schemas.credentialsAndName;
  return { requestBody: { description, required, content: jsonContent(schema) } };
}

/** With the option `cookie`, a client may choose how it gets the token. */
function transportParameter({ requests }: RealmParts): Pick<RouteDescription, 'parameters'> {
  if (!requests.cookie) return {};
  const parameter = {
    name: 'transport',
    in: 'query',
    description: 'How the answer gives the token: in a cookie, or in its body, for the header.',
    schema: { type: 'string', enum: TOKEN_TRANSPORTS },
  };
  return { parameters: [parameter] };
}

function tokenAnswer(description: string, schemas: Schemas, { requests }: RealmParts): Response {
  const body = answer(description, schemas.login);
  if (!requests.cookie) return body;
  const cookie = { description: 'The token in a cookie.', schema: { type: 'string' } };
  return { ...body, headers: { 'Set-Cookie': cookie } };
}

function answer(description: string, schema: Schema): Response {
  return { description, content: jsonContent(schema) };
}

/** A 204, unless the application answers something with this hook. */
function noContent(description: string, schemas: Schemas, hook: string): Record<string, Response> {
  const empty = { 204: { description } };
  return schemas.isOverridden(hook) ? { ...empty, 200: answer(description, {}) } : empty;
}
