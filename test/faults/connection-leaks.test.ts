import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { eventually } from '../support/eventually.ts';
import { CONNECTIONS, describeOnServers, POOL_SIZE } from '../support/faulty-app.ts';
import type { Answer, HttpClient } from '../support/http-client.ts';
import { AppProcess, nameOf, type AppStats } from '../support/app-process.ts';
import { COMMIT, Proxy } from '../support/proxy.ts';
import { User } from '../support/users.ts';

jest.setTimeout(180_000);

const PASSWORD = 'hunter2';
const REQUESTS = 200;
const ROUNDS = 6;

/** More than a heap varies by, and less than thousands of requests leave behind that keep an error each. */
const GROWTH_BYTES = 650_000;

/** What is done to the database, and undone, while requests come in. */
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
    direct = await new DataSource({
      ...test.options,
      entities: [User, AuthToken],
      synchronize: true,
      poolSize: 1,
    } as typeof test.options).initialize();
    await direct
      .getRepository(User)
      .insert({ id: 1, username: nameOf(1), password: '', isActive: true });
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

  const login = () =>
    client.post('/auth/login', { body: { username: nameOf(1), password: PASSWORD } });
  const me = () => client.get('/me', { token });
  const newToken = async () => {
    const { body } = await eventually(login, ({ status }) => status === 200, 20_000);
    return body.token as string;
  };
  const stats = async () => (await client.get('/stats')).body as unknown as AppStats;

  async function meet([, cause, mend]: (typeof FAULTS)[number]): Promise<void> {
    await cause(proxy);
    const send = [me, login, me, () => client.post('/auth/logout', { token: '0'.repeat(64) })];
    const expected = [200, 200, 200, 401];
    const answers: Promise<Answer>[] = [];
    for (let i = 0; i < REQUESTS; i++) answers.push(send[i % send.length]!());
    for (const [i, { status }] of (await Promise.all(answers)).entries()) {
      if (status !== 503) expect(status).toBe(expected[i % send.length]);
    }
    await mend(proxy);
    const { status } = await eventually(me, (answer) => answer.status === 200, 20_000);
    expect(status).toBe(200);
  }

  /** Gives what the process tells after each round. */
  async function meetAll(rounds: number): Promise<AppStats[]> {
    const told: AppStats[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const fault of FAULTS) await meet(fault);
      // What the application of the test remembers is none of the package's doing.
      await client.get('/events');
      told.push(await stats());
    }
    return told;
  }

  it('neither ends nor grows, keeps no connection, and turns its event loop', async () => {
    const before = (await meetAll(3)).at(-1)!;
    const rounds = await meetAll(ROUNDS);
    const isBack = ({ heapBytes }: AppStats) => heapBytes - before.heapBytes < GROWTH_BYTES;
    const after = await eventually(stats, isBack, 10_000);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(GROWTH_BYTES);

    const connections = async () => Number((await direct.query(CONNECTIONS[database]))[0].total);
    const isInPool = (count: number) => count <= POOL_SIZE;
    expect(await eventually(connections, isInPool, 10_000)).toBeLessThanOrEqual(POOL_SIZE);
    expect(await newToken()).not.toBe(token);

    // What a fault does to the event loop it does in each round; what a busy machine does, in some.
    expect(Math.min(...rounds.map(({ longestLagMs }) => longestLagMs))).toBeLessThan(250);
  });
});
