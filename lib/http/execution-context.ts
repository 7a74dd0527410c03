import type { ExecutionContext } from '@nestjs/common';
import type { KnoxRequest } from '../tokens/knox-request.ts';

/** The part of Express's response and of Fastify's reply that is used here. */
export interface KnoxResponse {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** What hangs on a GraphQL context, by the habits of Apollo, Mercurius and graphql-ws. */
interface GraphqlContext {
  req?: KnoxRequest;
  request?: KnoxRequest;
  reply?: { request?: KnoxRequest };
  extra?: { request?: KnoxRequest };
  res?: Partial<KnoxResponse>;
}

/** A socket: socket.io's has the upgrade request; with `ws` the application puts it there. */
interface SocketClient {
  request?: KnoxRequest;
  handshake?: KnoxRequest;
  upgradeReq?: KnoxRequest;
  user?: unknown;
  authInfo?: unknown;
  authToken?: unknown;
}

/** One call that is guarded: where its token is read, and where its user is left. */
export interface GuardedCall {
  /** Whose headers hold the token. */
  readonly request: KnoxRequest;
  /**
   * What is new with each HTTP request, GraphQL operation and socket message, so that each is asked
   * about once, and none is answered with the verdict on another.
   */
  readonly occasion: object;
  /** Where the handler looks for its user. */
  readonly carrier: Pick<KnoxRequest, 'user' | 'authInfo' | 'authToken'>;
  /** Where a challenge can be set; not on a socket. */
  readonly response: Partial<KnoxResponse> | null;
}

/** @throws Error for a context that is neither HTTP nor GraphQL nor a WebSocket */
export function guardedCall(context: ExecutionContext): GuardedCall {
  const type = context.getType<string>();
  switch (type) {
    case 'http': {
      const http = context.switchToHttp();
      const request = http.getRequest<KnoxRequest>();
      return { request, occasion: request, carrier: request, response: http.getResponse() };
    }
    case 'graphql': {
      const graphql = context.getArgByIndex<GraphqlContext>(2);
      const request = found(
        graphql.req ?? graphql.request ?? graphql.reply?.request ?? graphql.extra?.request,
        'the GraphQL context; put it there as "req"',
      );
      return { request, occasion: graphql, carrier: request, response: graphql.res ?? null };
    }
    case 'ws': {
      const client = context.switchToWs().getClient<SocketClient>();
      const request = found(
        client.request ?? client.handshake ?? client.upgradeReq,
        'the socket; put it there as "request" in handleConnection(client, request)',
      );
      return { request, occasion: context.getArgs(), carrier: client, response: null };
    }
    default:
      throw new Error(`KnoxAuthGuard finds no request in a context of type "${type}".`);
  }
}

function found(request: KnoxRequest | undefined, where: string): KnoxRequest {
  if (request) return request;
  throw new Error(`KnoxAuthGuard finds no request on ${where}, or override getRequest(context).`);
}
