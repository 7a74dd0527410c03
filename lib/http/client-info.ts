import type { ClientInfo } from '../events/knox.events.ts';
import type { KnoxRequest } from '../tokens/knox-request.ts';

/** Who sent this request, for the events. */
export function clientOf(request: KnoxRequest): ClientInfo {
  return {
    ip: request.ip ?? request.socket?.remoteAddress ?? null,
    userAgent: [request.headers['user-agent']].flat()[0] ?? null,
  };
}
