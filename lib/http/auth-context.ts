import type { ExecutionContext } from '@nestjs/common';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { privateSlot, type PrivateSlot } from '../requests/private-slot.ts';
import { graphqlField, graphqlHttpRequest, operationOf } from './execution-context.ts';
import { listOf, realmNamesAt, type RealmNames } from './realm.decorator.ts';

/** What a guard has left for one operation. */
export interface AuthContext {
  readonly user?: unknown;
  readonly authToken?: unknown;
}

const NOBODY: AuthContext = {};

/** By HTTP request and socket message, where nobody else can write. */
const contexts = privateSlot<AuthContext>();

/** By GraphQL operation, or its HTTP request for Passport: fields of one operation may ask different realms. */
const graphqlContexts = new Map<RealmNames, PrivateSlot<AuthContext>>();

/** The fields of GraphQL operations that a guard has let everybody ask for. */
const publicFields = privateSlot<true>();

/** The slot in which a guard leaves something for the handler of this context. */
function slotAt(context: ExecutionContext): PrivateSlot<AuthContext> {
  return context.getType<string>() === 'graphql' ? slotOf(realmNamesAt(context)) : contexts;
}

function slotOf(realms: RealmNames): PrivateSlot<AuthContext> {
  let slot = graphqlContexts.get(realms);
  if (!slot) graphqlContexts.set(realms, (slot = privateSlot<AuthContext>()));
  return slot;
}

/**
 * Leaves the user and token of an operation for its handlers. On the HTTP request, other middleware may have left a
 * user, which is replaced.
 */
export function leaveAuthContext(
  context: ExecutionContext,
  operation: object,
  request: KnoxRequest | undefined,
  found: AuthContext,
): void {
  slotAt(context).set(operation, found);
  if (request) setOnRequest(request, found.user, found.authToken);
}

/** The same for Passport's strategy of a realm, which knows the HTTP request alone. */
export function leavePassportContext(
  realm: string,
  request: KnoxRequest,
  found: AuthContext,
): void {
  contexts.set(request, found);
  slotOf(listOf([realm])).set(request, found);
  setOnRequest(request, found.user, found.authToken);
}

/**
 * Asks what to do about an operation without credentials, and leaves what the answer has put on the HTTP request. If it
 * throws, the request is as it was: another guard may still let it pass, and may have set its own user.
 */
export function leaveAnonymous(
  context: ExecutionContext,
  operation: object,
  request: KnoxRequest | undefined,
  handle: () => void,
): void {
  const before = request && { ...userOn(request) };
  if (request) setOnRequest(request, undefined, undefined);
  try {
    handle();
  } catch (error) {
    if (request) Object.assign(request, before);
    throw error;
  }
  slotAt(context).set(operation, request ? userOn(request) : NOBODY);
}

/** Leaves for the handler of a public route that there is nobody, unless another guard says otherwise. */
export function leavePublic(context: ExecutionContext): void {
  const field = graphqlField(context);
  if (field) publicFields.set(field, true);
  if (context.getType() !== 'http') return;
  const operation = operationOf(context);
  if (operation && !contexts.get(operation)) contexts.set(operation, NOBODY);
}

/** What was left for the operation of this call; undefined if no guard of this package was asked. */
export function authContextOf(context: ExecutionContext): AuthContext | undefined {
  const field = graphqlField(context);
  if (field && publicFields.get(field)) return NOBODY;
  const operation = operationOf(context);
  const found = operation && slotAt(context).get(operation);
  return found || !field ? found : passportContextOf(context);
}

/** What Passport's strategy of a realm that this field asks has left on the operation's HTTP request. */
function passportContextOf(context: ExecutionContext): AuthContext | undefined {
  const request = graphqlHttpRequest(context);
  if (!request) return undefined;
  for (const realm of realmNamesAt(context).names) {
    const found = slotOf(listOf([realm])).get(request);
    if (found) return found;
  }
  return undefined;
}

/**
 * The user that a guard of this package has found for this HTTP request, GraphQL operation or socket message, as the
 * application's entity; undefined if there is none. For guards and interceptors of the application: `@CurrentUser()`
 * gives it to handlers.
 *
 * @publicApi
 */
export function userOf<User extends object = object>(context: ExecutionContext): User | undefined {
  return authContextOf(context)?.user as User | undefined;
}

/**
 * The token entity that a guard of this package has found for this HTTP request, GraphQL operation or socket message;
 * undefined if there is none. For guards and interceptors of the application: `@CurrentToken()` gives it to handlers.
 *
 * @publicApi
 */
export function tokenOf<Token extends AbstractAuthToken = AuthToken>(
  context: ExecutionContext,
): Token | undefined {
  return authContextOf(context)?.authToken as Token | undefined;
}

function userOn({ user, authInfo, authToken }: KnoxRequest): AuthContext & { authInfo: unknown } {
  return { user, authInfo, authToken };
}

function setOnRequest(request: KnoxRequest, user: unknown, authToken: unknown): void {
  request.user = user;
  request.authInfo = authToken;
  request.authToken = authToken;
}
