import type { KnoxRequest } from './knox-request.ts';

/** Where something came from; null where there was no request. */
export interface ClientInfo {
  /** The client's address as the adapter sees it (behind a proxy, set its `trust proxy`). */
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** Who sent this request, for the events. */
export function clientOf(request: KnoxRequest): ClientInfo {
  return {
    ip: request.ip ?? request.socket?.remoteAddress ?? null,
    userAgent: [request.headers['user-agent']].flat()[0] ?? null,
  };
}
