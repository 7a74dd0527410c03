import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { pollFor } from '../support/polling.ts';
import { CONNECTIONS, POOL_SIZE } from '../support/faulty-app.ts';
import type { Answer, HttpClient } from '../support/http-client.ts';
import { PASSWORD } from '../support/app.ts';
import { AppProcess, type AppStats } from '../support/app-process.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { login, logout, openWithUsers } from '../support/numbered-users.ts';
import { COMMIT, Proxy } from '../support/proxy.ts';

jest.setTimeout(180_000);

const REQUESTS = 200;
const ROUNDS = 6;

/** More than a heap varies, and less than a leak of one error for each of thousands of requests. */
const GROWTH_BYTES = 650_000;

/** Each fault begins before requests are sent, and ends after their answers. */
const FAULTS: [string, (proxy: Proxy) => unknown, (proxy: Proxy) => unknown][] = [
  ['down', (proxy) => proxy.shutDown(), (proxy) => proxy.accept()],
  ['frozen', (proxy) => proxy.freeze(), (proxy) => proxy.thaw()],
  ['gone without a word', (proxy) => proxy.freeze(), (proxy) => proxy.forsake()],
  ['cut off before an insert', (proxy) => void proxy.holdAt(/INSERT/), (proxy) => proxy.thaw()],
  ['cut off after a commit', (proxy) => void proxy.breakAfter(COMMIT), (proxy) => proxy.thaw()],
  ['mute after a commit', (proxy) => void proxy.swallowReplyTo(COMMIT), (proxy) => proxy.thaw()],
  ['cut off', (proxy) => proxy.drop(), (proxy) => proxy.thaw()],
];

describeOnServers('a process that meets fault after fault of %s', (database) => {
  let test: TestDatabase;
  let direct: DataSource;
  let proxy: Proxy;
  const process = new AppProcess();
  let client: HttpClient;
  let token: string;

  beforeAll(async () => {
    test = await createDatabase(database);
    direct = await openWithUsers({ ...test.options, poolSize: 1 } as typeof test.options, 1);
    proxy = await Proxy.start(test.options as never);
    const way = { host: '127.0.0.1', port: proxy.port, poolSize: POOL_SIZE };
    const patience = { connectTimeoutMS: 1_000, connectTimeout: 1_000 };
    client = await process.serve({
      database: { ...test.options, ...way, ...patience } as typeof test.options,
      knox: { authTimeout: 200, autoRefresh: true, minRefreshInterval: 0 },
      password: PASSWORD,
    });
    token = await newToken();
  });
  afterAll(async () => {
    await process.kill();
    proxy.shutDown();
    await direct.destroy();
    await test.drop();
  });

  const me = () => client.get('/me', { token });
  const newToken = async () => {
    const { body } = await pollFor(
      () => login(client, 1),
      ({ status }) => status === 200,
      20_000,
    );
    return body.token as string;
  };
  const stats = async () => (await client.get('/stats')).body as unknown as AppStats;

  async function meet([, cause, mend]: (typeof FAULTS)[number]): Promise<void> {
    await cause(proxy);
    const send = [me, () => login(client, 1), me, () => logout(client, '0'.repeat(64))];
    const expected = [200, 200, 200, 401];
    const answers: Promise<Answer>[] = [];
    for (let i = 0; i < REQUESTS; i++) answers.push(send[i % send.length]!());
    for (const [i, { status }] of (await Promise.all(answers)).entries()) {
      if (status !== 503) expect(status).toBe(expected[i % send.length]);
    }
    await mend(proxy);
    const { status } = await pollFor(me, (answer) => answer.status === 200, 20_000);
    expect(status).toBe(200);
  }

  /** Gives the statistics of the process after each round. */
  async function meetAll(rounds: number): Promise<AppStats[]> {
    const told: AppStats[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const fault of FAULTS) await meet(fault);
      // Clear the events, which the test's application keeps: they are no leak of the package.
      await client.get('/events');
      told.push(await stats());
    }
    return told;
  }

  it('stays alive, leaks no memory and no connection, and does not block its event loop', async () => {
    const before = (await meetAll(3)).at(-1)!;
    const rounds = await meetAll(ROUNDS);
    const isBack = ({ heapBytes }: AppStats) => heapBytes - before.heapBytes < GROWTH_BYTES;
    const after = await pollFor(stats, isBack, 10_000);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(GROWTH_BYTES);

    const connections = async () => Number((await direct.query(CONNECTIONS[database]))[0].total);
    // The application's, and the package's own.
    const most = POOL_SIZE + 4;
    expect(await pollFor(connections, (count) => count <= most, 10_000)).toBeLessThanOrEqual(most);
    expect(await newToken()).not.toBe(token);

    // Take the best round: the package would block the event loop in all of them, a busy machine in some.
    expect(Math.min(...rounds.map(({ maxEventLoopDelayMs }) => maxEventLoopDelayMs))).toBeLessThan(
      250,
    );
  });
});
