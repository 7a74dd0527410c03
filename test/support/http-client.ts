import { request, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined if it is not JSON. */
  readonly body: Record<string, any>;
}

export interface Sending {
  method?: string;
  /** For a list, one header line is sent for each value. */
  headers?: Record<string, string | string[]>;
  /** A string is sent unchanged, anything else as JSON. */
  body?: unknown;
  token?: string;
  basic?: [username: string, password: string];
}

/** An HTTP client that also sends duplicate headers and malformed bodies. */
export class HttpClient {
  constructor(readonly url: string) {}

  get(path: string, sending: Sending = {}): Promise<Answer> {
    return this.send(path, { method: 'GET', ...sending });
  }

  post(path: string, sending: Sending = {}): Promise<Answer> {
    return this.send(path, { method: 'POST', ...sending });
  }

  /** Logs in. Gives the raw token. @throws Error if the status is not 200 */
  async newToken(sending: Sending): Promise<string> {
    const { status, text, body } = await this.post('/auth/login', sending);
    if (status !== 200) throw new Error(`Login: ${String(status)} ${text}`);
    return body.token as string;
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

/** How many answers have each status. */
export function countByStatus(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function parse(text: string): Record<string, any> {
  try {
    return JSON.parse(text);
  } catch {
    return undefined as unknown as Record<string, any>;
  }
}
