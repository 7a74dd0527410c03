import type { ExecutionContext } from '@nestjs/common';
import { isHttpRequest, type KnoxRequest } from '../requests/knox-request.ts';

/** The part of Express's response and of Fastify's reply that is used here. */
export interface KnoxResponse {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** A call of a guarded handler. */
interface GuardedCall {
  /**
   * An object that is new with each HTTP request, GraphQL operation and socket message. The database is asked once
   * for each of them, and what it says is left for that one alone.
   */
  readonly operation: object;
  /**
   * The request on which the application finds `user`, `authInfo` and `authToken` too: that of an HTTP call. A request
   * that opened a socket outlives the operation, so nothing is left on it.
   */
  readonly request: KnoxRequest | undefined;
  /** The answer, for its challenge; null on a socket. */
  readonly response: Partial<KnoxResponse> | null;
}

type Candidate = Partial<KnoxRequest> | undefined;

/** Where Apollo, Mercurius and graphql-ws put the request on the GraphQL context. */
interface GraphqlContext {
  req?: Candidate & { extra?: { request?: Candidate }; res?: Partial<KnoxResponse> };
  request?: Candidate;
  reply?: { request?: Candidate } & Partial<KnoxResponse>;
  extra?: { request?: Candidate };
  res?: Partial<KnoxResponse>;
}

/** A socket. On socket.io's it is the upgrade request; with `ws`, the application sets it. */
interface SocketClient {
  request?: Candidate;
  handshake?: Candidate;
  upgradeReq?: Candidate;
}

/** The objects that stand for one message of a socket each. */
const socketMessages = new WeakSet();

/** @throws Error for a context other than HTTP, GraphQL and WebSocket */
export function guardedCall(context: ExecutionContext): GuardedCall {
  const type = context.getType<string>();
  switch (type) {
    case 'http': {
      const http = context.switchToHttp();
      const request = http.getRequest<KnoxRequest>();
      return { operation: request, request, response: http.getResponse() };
    }
    case 'graphql': {
      const graphql = context.getArgByIndex<GraphqlContext>(2);
      const response = graphql.res ?? graphql.req?.res ?? graphql.reply ?? null;
      const operation = graphqlOperation(context) ?? graphql;
      return { operation, request: graphqlHttpRequest(context), response };
    }
    case 'ws':
      return { operation: socketMessage(context), request: undefined, response: null };
    default:
      throw new Error(
        `KnoxAuthGuard does not know what to do in a context of type "${type}". ` +
          'If the handler needs no token, write @Public() on it or on its class.',
      );
  }
}

/** The object of the operation that this handler is called for; undefined if no guard has left anything for it. */
export function operationOf(context: ExecutionContext): object | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return objectOf(context.switchToHttp().getRequest<unknown>());
    case 'graphql':
      return graphqlOperation(context);
    case 'ws':
      return context.getArgs<unknown[]>().find(isSocketMessage);
    default:
      return undefined;
  }
}

/** The HTTP request that a GraphQL operation came with; undefined if it came over a socket. */
export function graphqlHttpRequest(context: ExecutionContext): KnoxRequest | undefined {
  const graphql = objectOf(context.getArgByIndex<unknown>(2));
  const request = graphql && graphqlRequest(graphql);
  return request && isHttpRequest(request) ? request : undefined;
}

/** What graphql-js passes to this call of a resolver and to no other. */
export function graphqlField(context: ExecutionContext): object | undefined {
  return context.getType<string>() === 'graphql'
    ? objectOf(context.getArgByIndex<unknown>(3))
    : undefined;
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

/**
 * NestJS gives guards, interceptors and parameter decorators lists of the same arguments, but not the same list. So the
 * message has to be among them: before the last one, where NestJS looks for the name of the message. The socket will
 * not do, because several messages share it at the same time; nor will the payload, which may be text.
 */
function socketMessage(context: ExecutionContext): object {
  const known = operationOf(context);
  if (known) return known;
  const created = {};
  socketMessages.add(created);
  const list = context.getArgs<unknown[]>();
  list.splice(Math.max(2, list.length - 1), 0, created);
  return created;
}

/** The variables are new for each execution; the context may be the same for several. */
function graphqlOperation(context: ExecutionContext): object | undefined {
  const info = graphqlField(context) as { variableValues?: object } | undefined;
  return info?.variableValues ?? objectOf(context.getArgByIndex<unknown>(2));
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

function isSocketMessage(argument: unknown): argument is object {
  return socketMessages.has(argument as object);
}

function objectOf(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}
