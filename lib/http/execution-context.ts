import type { ExecutionContext } from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';

/** The part of Express's response and of Fastify's reply that is used here. */
export interface KnoxResponse {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** The object on which a handler finds its user. */
export type AuthContext = Pick<KnoxRequest, 'user' | 'authInfo' | 'authToken'>;

/** A call of a guarded handler. */
interface GuardedCall {
  /**
   * An object that is new with each HTTP request, GraphQL operation and socket message. The database is asked once
   * for each of them, and never answers for another.
   */
  readonly scope: object;
  readonly authContext: AuthContext;
  /** The answer, for its challenge; null on a socket. */
  readonly response: Partial<KnoxResponse> | null;
}

type Candidate = Partial<KnoxRequest> | undefined;

/** Where Apollo, Mercurius and graphql-ws put the request on the GraphQL context. */
interface GraphqlContext {
  req?: Candidate & { extra?: { request?: Candidate }; res?: Partial<KnoxResponse> };
  request?: Candidate;
  reply?: { request?: Candidate };
  extra?: { request?: Candidate };
  res?: Partial<KnoxResponse>;
}

/** A socket. On socket.io's it is the upgrade request; with `ws`, the application sets it. */
interface SocketClient {
  request?: Candidate;
  handshake?: Candidate;
  upgradeReq?: Candidate;
}

/**
 * What a guard has found, by an object that each socket message or GraphQL operation has for itself, and that guards
 * and parameter decorators both see. The socket will not do: several messages share it at the same time.
 */
const authContexts = new WeakMap<object, AuthContext>();

/** @throws Error for a context other than HTTP, GraphQL and WebSocket */
export function guardedCall(context: ExecutionContext): GuardedCall {
  const type = context.getType<string>();
  switch (type) {
    case 'http': {
      const http = context.switchToHttp();
      const request = http.getRequest<KnoxRequest>();
      return { scope: request, authContext: request, response: http.getResponse() };
    }
    case 'graphql': {
      const graphql = context.getArgByIndex<GraphqlContext>(2);
      const scope = graphqlScope(context);
      const response = graphql.res ?? graphql.req?.res ?? null;
      return { scope, authContext: authContextFor(scope), response };
    }
    case 'ws': {
      const message = messageOf(context);
      const authContext = message
        ? authContextFor(message)
        : context.switchToWs().getClient<AuthContext>();
      return { scope: context.getArgs(), authContext, response: null };
    }
    default:
      throw new Error(`KnoxAuthGuard does not know what to do in a context of type "${type}".`);
  }
}

/** Where a handler finds its user: by its message or operation, else on the request or socket. */
export function authContextOf(context: ExecutionContext): AuthContext {
  switch (context.getType<string>()) {
    case 'graphql': {
      const graphql = context.getArgByIndex<GraphqlContext>(2);
      return authContexts.get(graphqlScope(context)) ?? graphqlRequest(graphql) ?? {};
    }
    case 'ws': {
      const message = messageOf(context);
      return (
        (message && authContexts.get(message)) ?? context.switchToWs().getClient<AuthContext>()
      );
    }
    default:
      return context.switchToHttp().getRequest<AuthContext>();
  }
}

/**
 * The request whose headers hold the token.
 *
 * @throws Error if the context holds none
 */
export function requestOf(context: ExecutionContext): KnoxRequest {
  switch (context.getType<string>()) {
    case 'http':
      return context.switchToHttp().getRequest<KnoxRequest>();
    case 'graphql':
      return requireRequest(
        graphqlRequest(context.getArgByIndex<GraphqlContext>(2)),
        'the GraphQL context; put it there as "req"',
      );
    default: {
      const client = context.switchToWs().getClient<SocketClient>();
      return requireRequest(
        firstRequest(client.request, client.handshake, client.upgradeReq),
        'the socket; put it there as "request" in handleConnection(client, request)',
      );
    }
  }
}

function authContextFor(key: object): AuthContext {
  let authContext = authContexts.get(key);
  if (!authContext) authContexts.set(key, (authContext = {}));
  return authContext;
}

/** The payload, if it is an object: equal primitives of two messages could not be told apart. */
function messageOf(context: ExecutionContext): object | undefined {
  const payload = context.switchToWs().getData<unknown>();
  return typeof payload === 'object' && payload !== null ? payload : undefined;
}

/** The variables are new for each execution; the context may be the same for several. */
function graphqlScope(context: ExecutionContext): object {
  const info = context.getArgByIndex<{ variableValues?: object } | undefined>(3);
  return info?.variableValues ?? context.getArgByIndex<object>(2);
}

function graphqlRequest({ req, request, reply, extra }: GraphqlContext): KnoxRequest | undefined {
  return firstRequest(req, request, reply?.request, extra?.request, req?.extra?.request);
}

function firstRequest(...candidates: Candidate[]): KnoxRequest | undefined {
  return candidates.find((candidate) => candidate?.headers !== undefined) as
    KnoxRequest | undefined;
}

function requireRequest(request: KnoxRequest | undefined, where: string): KnoxRequest {
  if (request) return request;
  throw new Error(`KnoxAuthGuard finds no request on ${where}, or override getRequest(context).`);
}
