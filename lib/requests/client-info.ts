import type { KnoxRequest } from './knox-request.ts';

/** The client that sent a request. */
export interface ClientInfo {
  /** The address as the adapter sees it. Behind a proxy, set the adapter's `trust proxy`. */
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** The client that sent this request. Express and Fastify compute `request.ip` each time, which is expensive. */
export function clientOf(request: KnoxRequest): ClientInfo {
  return {
    ip: request.ip ?? request.socket?.remoteAddress ?? null,
    userAgent: [request.headers['user-agent']].flat()[0] ?? null,
  };
}
