/**
 * The part of a request that the package reads and writes. Express's and Fastify's requests and Node's IncomingMessage
 * have it in common.
 */
export interface KnoxRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders?: string[];
  /** Node's request, on Fastify's. */
  readonly raw?: { readonly rawHeaders?: string[] };
  readonly body?: unknown;
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined };
  user?: unknown;
  authInfo?: unknown;
  authToken?: unknown;
}
