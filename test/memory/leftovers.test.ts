import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { WebSocket } from 'ws';
import { SessionToken } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { AppProcess } from '../support/app-process.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import type { HttpClient } from '../support/http-client.ts';
import { logout, newToken, openWithUsers } from '../support/numbered-users.ts';
import { countsOf } from './heap.ts';

/** How many hostile tokens, owners and sockets there are in a round. */
const COUNT = 300;

/** How many are under way at once. */
const AT_ONCE = 10;

/** After so long, in milliseconds, uses are written and sockets are closed. */
const SETTLED_MS = 1_000;

/** Two snapshots and thousands of writes take long on a machine that does other work. In milliseconds. */
const TIMEOUT_MS = 180_000;

describe.each(DATABASES)('a process on %s', (database) => {
  const process = new AppProcess(new URL('app.main.ts', import.meta.url));
  let folder: string;
  let test: TestDatabase;
  let direct: DataSource;
  let client: HttpClient;
  /** The number of the last hostile token. */
  let sent = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-heap-'));
    test = await createDatabase(database);
    direct = await openWithUsers(test.options, COUNT, SessionToken);
    client = await process.serve({
      database: test.options,
      knox: { lastUsedInterval: 50 },
      password: PASSWORD,
    });
  });
  afterAll(async () => {
    await process.kill();
    await direct.destroy();
    await test.drop();
    rmSync(folder, { recursive: true });
  });

  /** Does the work for each of the numbers 1 to COUNT. */
  async function forEach(work: (number: number) => Promise<unknown>): Promise<void> {
    let next = 1;
    const workers = Array.from({ length: AT_ONCE }, async () => {
      while (next <= COUNT) await work(next++);
    });
    await Promise.all(workers);
  }

  const hostile = () =>
    forEach(async () => {
      sent++;
      const token = sent.toString(16).padStart(sent % 4 === 0 ? 30 : 64, '0');
      expect((await client.get('/me', { token })).status).toBe(401);
    });

  const owners = () =>
    forEach(async (user) => {
      const token = await newToken(client, user);
      expect((await client.get('/me', { token })).status).toBe(200);
    });

  /** Every other one is closed by a logout, the rest by the client. */
  const sockets = () =>
    forEach(async (user) => {
      const token = await newToken(client, user);
      const headers = { authorization: `Token ${token}` };
      const socket = new WebSocket(client.url.replace('http', 'ws'), { headers });
      await once(socket, 'message');
      const closed = once(socket, 'close');
      if (user % 2 === 0) socket.close();
      else expect((await logout(client, token)).status).toBe(204);
      await closed;
    });

  let snapshots = 0;
  async function counts(): Promise<Map<string, number>> {
    await sleep(SETTLED_MS);
    const path = join(folder, `${String(++snapshots)}.heapsnapshot`);
    expect((await client.post('/snapshot', { body: { path } })).status).toBe(204);
    const counted = countsOf(path);
    rmSync(path);
    return counted;
  }

  it(
    'keeps nothing of hostile tokens, of owners who log in and of live sockets',
    async () => {
      const visit = async () => {
        await hostile();
        await owners();
        await sockets();
      };
      // What is made once, such as pools.
      await visit();
      const before = await counts();
      await visit();
      const after = await counts();
      const grown = [...after]
        .map(([kind, count]) => ({ kind, by: count - (before.get(kind) ?? 0) }))
        .filter(({ by }) => by >= COUNT / 3);
      expect(grown).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
