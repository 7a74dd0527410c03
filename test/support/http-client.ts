import { request, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed JSON body; undefined where the body is none. */
  readonly body: Record<string, any>;
}

export interface Sending {
  method?: string;
  /** A list as the value sends the header as many times. */
  headers?: Record<string, string | string[]>;
  /** Sent as JSON, unless it is a string, which is sent as it is. */
  body?: unknown;
  token?: string;
  basic?: [username: string, password: string];
}

/** A client that sends what it is told, duplicate headers and broken bodies included. */
export class HttpClient {
  constructor(readonly url: string) {}

  get(path: string, sending: Sending = {}): Promise<Answer> {
    return this.send(path, { method: 'GET', ...sending });
  }

  post(path: string, sending: Sending = {}): Promise<Answer> {
    return this.send(path, { method: 'POST', ...sending });
  }

  send(
    path: string,
    { method = 'GET', headers = {}, body, token, basic }: Sending,
  ): Promise<Answer> {
    const all: Record<string, string | string[]> = { ...headers };
    if (token !== undefined) all.authorization = `Token ${token}`;
    if (basic) all.authorization = `Basic ${Buffer.from(basic.join(':')).toString('base64')}`;
    const payload = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    if (payload !== undefined) {
      all['content-type'] ??= 'application/json';
      all['content-length'] = String(Buffer.byteLength(payload));
    }
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, { method, headers: all }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const parsed = parse(text);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            body: parsed,
          });
        });
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }
}

function parse(text: string): Record<string, any> {
  try {
    return JSON.parse(text);
  } catch {
    return undefined as unknown as Record<string, any>;
  }
}
