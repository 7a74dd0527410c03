/**
 * The part of a request that the package reads and writes. Express's and Fastify's requests and Node's IncomingMessage
 * have it in common.
 */
export interface KnoxRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders?: string[];
  /** Node's request, on Fastify's. */
  readonly raw?: { readonly rawHeaders?: string[] };
  readonly method?: string;
  /** The method that was sent, where a middleware has set another. */
  readonly originalMethod?: string;
  readonly url?: string;
  /** With the part of the path that a router has taken off. */
  readonly originalUrl?: string;
  readonly body?: unknown;
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined };
  user?: unknown;
  authInfo?: unknown;
  authToken?: unknown;
}

/**
 * Whether this is the request of one HTTP exchange, as Express and Fastify make it. The request that opened a socket is
 * none: it outlives the messages that are judged by its headers. A client may offer other upgrades with any request,
 * such as that to HTTP/2.
 */
export function isHttpRequest(request: Partial<KnoxRequest>): boolean {
  const { app, server } = request as { app?: unknown; server?: unknown };
  const isOfAdapter = app !== undefined || server !== undefined;
  const { headers } = request;
  return isOfAdapter && headers !== undefined && !/\bwebsocket\b/i.test(String(headers.upgrade));
}
