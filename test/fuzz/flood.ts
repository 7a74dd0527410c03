import { exchange, statusesIn } from './exchange.ts';
import { Random } from '../support/random.ts';

/** The number of requests at once, and the greatest possible length of a token. */
const BATCH = 50;
const TOKEN_LENGTH = 266;

/** Sends `count` unknown tokens. Gives the number of answers with each status. */
export async function flood(
  url: string,
  count: number,
  seed: number,
  afterBatch: () => void = () => undefined,
): Promise<Record<string, number>> {
  const random = new Random(seed);
  const statuses: Record<string, number> = {};
  for (let sent = 0; sent < count; sent += BATCH) {
    const requests = Array.from({ length: BATCH }, (_, i) => {
      const connection = i === BATCH - 1 ? 'Connection: close\r\n' : '';
      const token = random.hex(TOKEN_LENGTH);
      return `GET /me HTTP/1.1\r\nHost: x\r\n${connection}Authorization: Token ${token}\r\n\r\n`;
    });
    const answer = await exchange(url, requests.join(''));
    for (const status of statusesIn(answer)) statuses[status] = (statuses[status] ?? 0) + 1;
    afterBatch();
  }
  return statuses;
}
