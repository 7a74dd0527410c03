import type { ExecutionContext } from '@nestjs/common';
import type { KnoxRequest } from '../tokens/knox-request.ts';

/** The part of Express's response and of Fastify's reply that is used here. */
export interface KnoxResponse {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** Where a handler looks for its user. */
export type Carrier = Pick<KnoxRequest, 'user' | 'authInfo' | 'authToken'>;

/** One call that is guarded. */
export interface GuardedCall {
  /**
   * What is new with each HTTP request, GraphQL operation and socket message, so that each is asked
   * about once, and none is answered with the verdict on another.
   */
  readonly occasion: object;
  readonly carrier: Carrier;
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

/** By the payload of a message: guards and parameter decorators see the same one, and no other. */
const messages = new WeakMap<object, Carrier>();

/** @throws Error for a context that is neither HTTP nor GraphQL nor a WebSocket */
export function guardedCall(context: ExecutionContext): GuardedCall {
  const type = context.getType<string>();
  switch (type) {
    case 'http': {
      const http = context.switchToHttp();
      const request = http.getRequest<KnoxRequest>();
      return { occasion: request, carrier: request, response: http.getResponse() };
    }
    case 'graphql': {
      const graphql = context.getArgByIndex<GraphqlContext>(2);
      return {
        occasion: graphql,
        carrier: graphqlRequest(graphql) ?? (graphql as Carrier),
        response: graphql.res ?? graphql.req?.res ?? null,
      };
    }
    case 'ws':
      return { occasion: context.getArgs(), carrier: carrierOfMessage(context), response: null };
    default:
      throw new Error(`KnoxAuthGuard does not know what to do in a context of type "${type}".`);
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
      return found(
        graphqlRequest(context.getArgByIndex<GraphqlContext>(2)),
        'the GraphQL context; put it there as "req"',
      );
    default: {
      const client = context.switchToWs().getClient<SocketClient>();
      return found(
        firstRequest(client.request, client.handshake, client.upgradeReq),
        'the socket; put it there as "request" in handleConnection(client, request)',
      );
    }
  }
}

/**
 * A socket is shared by its messages, of which several may be under way; so the user is kept with
 * the message. Only a message that is no object leaves it on the socket.
 */
function carrierOfMessage(context: ExecutionContext): Carrier {
  const ws = context.switchToWs();
  const message = ws.getData<unknown>();
  if (typeof message !== 'object' || message === null) return ws.getClient<Carrier>();
  let carrier = messages.get(message);
  if (!carrier) messages.set(message, (carrier = {}));
  return carrier;
}

function graphqlRequest({ req, request, reply, extra }: GraphqlContext): KnoxRequest | undefined {
  return firstRequest(req, request, reply?.request, extra?.request, req?.extra?.request);
}

function firstRequest(...candidates: Candidate[]): KnoxRequest | undefined {
  return candidates.find((candidate) => candidate?.headers !== undefined) as
    KnoxRequest | undefined;
}

function found(request: KnoxRequest | undefined, where: string): KnoxRequest {
  if (request) return request;
  throw new Error(`KnoxAuthGuard finds no request on ${where}, or override getRequest(context).`);
}
