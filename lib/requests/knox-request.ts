/**
 * What the package reads of a request, and leaves on it: the part that Express's and Fastify's
 * requests and Node's IncomingMessage have in common.
 */
export interface KnoxRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders?: string[];
  /** Fastify's way to Node's own request. */
  readonly raw?: { readonly rawHeaders?: string[] };
  readonly body?: unknown;
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined };
  user?: unknown;
  authInfo?: unknown;
  authToken?: unknown;
}
