import type { ExecutionContext } from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';

/** The part of Express's response and of Fastify's reply that is used here. */
export interface KnoxResponse {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** Where a handler looks for its user. */
export type AuthContext = Pick<KnoxRequest, 'user' | 'authInfo' | 'authToken'>;

/** One call that is guarded. */
export interface GuardedCall {
  /**
   * What is new with each HTTP request, GraphQL operation and socket message, so that each is asked
   * about once, and none is answered with the verdict on another.
   */
  readonly scope: object;
  readonly authContext: AuthContext;
  /** Where a challenge can be set; not on a socket. */
  readonly response: Partial<KnoxResponse> | null;
}

type Candidate = Partial<KnoxRequest> | undefined;

/** What hangs on a GraphQL context, by the habits of Apollo, Mercurius and graphql-ws. */
interface GraphqlContext {
  req?: Candidate & { extra?: { request?: Candidate }; res?: Partial<KnoxResponse> };
  request?: Candidate;
  reply?: { request?: Candidate };
  extra?: { request?: Candidate };
  res?: Partial<KnoxResponse>;
}

/** A socket: socket.io's has the upgrade request; with `ws` the application puts it there. */
interface SocketClient {
  request?: Candidate;
  handshake?: Candidate;
  upgradeReq?: Candidate;
}

/**
 * What a guard left, by what a socket's message or a GraphQL operation has of its own and shows to
 * guards and parameter decorators alike. The socket, or the request that opened it, is shared by
 * several that are under way at once.
 */
const authContexts = new WeakMap<object, AuthContext>();

/** @throws Error for a context that is neither HTTP nor GraphQL nor a WebSocket */
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
      const occasion = operationOf(context);
      const response = graphql.res ?? graphql.req?.res ?? null;
      return { scope: occasion, authContext: authContextFor(occasion), response };
    }
    case 'ws': {
      const message = messageOf(context);
      const carrier = message
        ? authContextFor(message)
        : context.switchToWs().getClient<AuthContext>();
      return { scope: context.getArgs(), authContext: carrier, response: null };
    }
    default:
      throw new Error(`KnoxAuthGuard does not know what to do in a context of type "${type}".`);
  }
}

/** Where a handler finds its user: with its message or operation, or where others leave one. */
export function authContextOf(context: ExecutionContext): AuthContext {
  switch (context.getType<string>()) {
    case 'graphql': {
      const graphql = context.getArgByIndex<GraphqlContext>(2);
      return authContexts.get(operationOf(context)) ?? graphqlRequest(graphql) ?? {};
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
 * @throws Error if there is none to be found
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
  let carrier = authContexts.get(key);
  if (!carrier) authContexts.set(key, (carrier = {}));
  return carrier;
}

/** Its payload, where that is an object; a primitive one is not told apart from its like. */
function messageOf(context: ExecutionContext): object | undefined {
  const payload = context.switchToWs().getData<unknown>();
  return typeof payload === 'object' && payload !== null ? payload : undefined;
}

/** The variables are made anew for each execution; an application's context may outlive it. */
function operationOf(context: ExecutionContext): object {
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
