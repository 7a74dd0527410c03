import { setTimeout as pause } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Operation } from '../../lib/async/operation.ts';
import type { Connection, Database } from '../../lib/database/database.ts';
import { openDatabase } from '../../lib/database/open-database.ts';
import { sql } from '../../lib/database/sql.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { pollFor } from '../support/polling.ts';
import { Proxy } from '../support/proxy.ts';
import { repeat } from '../support/repeat.ts';

const within = (ms = 5_000): Operation => Operation.within(ms);

/** SQL that differs. */
const SQL = {
  postgres: {
    databaseName: sql`SELECT current_database() AS name`,
    id: sql`SELECT pg_backend_pid() AS id`,
    kill: 'SELECT pg_terminate_backend(ID)',
    sleep: sql`SELECT pg_sleep(10)`,
  },
  mariadb: {
    databaseName: sql`SELECT DATABASE() AS name`,
    id: sql`SELECT CONNECTION_ID() AS id`,
    kill: 'KILL ID',
    sleep: sql`SELECT SLEEP(10)`,
  },
};

interface MasterOptions {
  readonly type: 'postgres' | 'mariadb';
  readonly username: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/** What is sent to open a connection, besides the log-in. */
const OPENING_STEPS = {
  postgres: { 'the server’s version': /version\(\)/i, 'the session’s settings': /set_config/ },
  mariadb: {
    'the server’s version': /version\(\)/i,
    'the session’s settings': /SESSION autocommit/,
  },
};

describeOnServers('connections of our own on %s', (name) => {
  const { databaseName, id, kill, sleep } = SQL[name];
  let created: TestDatabase;
  let dataSource: DataSource;
  let database: Database;
  beforeEach(async () => {
    created = await createDatabase(name);
    dataSource = await new DataSource(created.options).initialize();
    database = openDatabase(dataSource, { connections: 2, timeoutMs: 3_000 });
  });
  afterEach(async () => {
    await database.close();
    await dataSource.destroy();
    await created.drop();
  });

  const idOf = async (connection: Connection): Promise<number> =>
    Number((await connection.query(id)).rows[0]?.id);
  const currentId = (): Promise<number> => database.connect('read', within(), idOf);

  it('are kept between two uses, and are not the data source’s', async () => {
    const first = await currentId();
    expect(await currentId()).toBe(first);
    const [row] = await dataSource.query('SELECT 1 AS one');
    expect(row).toEqual({ one: 1 });
    const runners = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const runner = dataSource.createQueryRunner();
        await runner.connect();
        return runner;
      }),
    );
    const { text } = { text: id.texts[0] as string };
    const ids = await Promise.all(
      runners.map(async (runner) => Number((await runner.query(text))[0].id)),
    );
    await Promise.all(runners.map((runner) => runner.release()));
    expect(ids).not.toContain(first);
  });

  it('are no more than the option says, and one is left for lookups', async () => {
    const ids = new Set<number>();
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const writes = Array.from({ length: 3 }, () =>
      database.connect('write', within(), async (connection) => {
        ids.add(await idOf(connection));
        await finished;
      }),
    );
    const lookup = await database.connect('lookup', within(), idOf);
    await pollFor(
      () => ids.size,
      (size) => size > 0,
    );
    finish();
    expect([...ids]).toHaveLength(1);
    expect(ids).not.toContain(lookup);
    await Promise.all(writes);
    expect(ids.size).toBeLessThanOrEqual(2);
  });

  it('are replaced when they are killed while idle, and nobody notices', async () => {
    const killed = await currentId();
    await dataSource.query(kill.replace('ID', String(killed)));
    // The client hears of it a moment later.
    const next = await pollFor(
      () => currentId().catch(() => killed),
      (other) => other !== killed,
    );
    expect(next).not.toBe(killed);
  });

  it('do no work for those who have given up while they were opened, but for others', async () => {
    const proxy = await Proxy.start(created.options as never);
    const way = { host: '127.0.0.1', port: proxy.port };
    const source = await new DataSource({ ...created.options, ...way }).initialize();
    const slow = openDatabase(source, { connections: 1, timeoutMs: 3_000 });
    try {
      proxy.freeze();
      let isBegun = false;
      const outcome = slow
        .connect('read', within(200), async () => (isBegun = true))
        .catch((error: unknown) => (error as Error).message);
      await pause(400);
      proxy.thaw();
      expect(await outcome).toBe('No answer within 200 ms.');
      expect(await slow.connect('read', within(), idOf)).toBeGreaterThan(0);
      expect(isBegun).toBe(false);
      expect(proxy.connections).toBe(2);
    } finally {
      await slow.close();
      await source.destroy();
      proxy.shutDown();
    }
  });

  it('are replaced when they have been idle for a minute, or are five minutes old', async () => {
    const start = performance.now();
    let passed = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => start + passed);
    try {
      const first = await currentId();
      for (passed = 50_000; passed < 300_000; passed += 50_000) {
        expect(await currentId()).toBe(first);
      }
      // The sum of a clock and a time is not exact.
      passed += 1;
      const second = await currentId();
      expect(second).not.toBe(first);
      passed += 61_000;
      expect(await currentId()).not.toBe(second);
    } finally {
      clock.mockRestore();
    }
  });

  it('are closed when their work is late, and the server stops working on it', async () => {
    const late = await currentId();
    await expect(
      database.connect('read', within(200), (connection) => connection.query(sleep)),
    ).rejects.toThrow('No answer within 200 ms.');
    expect(await currentId()).not.toBe(late);
  });

  it('are closed when work leaves a transaction open on them', async () => {
    const leaky = await database.connect('read', within(), async (connection) => {
      await connection.runner.startTransaction();
      return idOf(connection);
    });
    expect(await currentId()).not.toBe(leaky);
  });

  it('keep no process alive', async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = sockets();
    await currentId();
    // One of an earlier test may close meanwhile.
    expect(sockets()).toBeLessThanOrEqual(before);
  });

  it('are kept after a statement that fails', async () => {
    const first = await currentId();
    const failing = database.connect('read', within(), (connection) =>
      connection.query(sql`SELECT nothing FROM nowhere`),
    );
    await expect(failing).rejects.toThrow(/nowhere/);
    expect(await currentId()).toBe(first);
  });

  it('find a table that was altered since the statement was prepared', async () => {
    await dataSource.query('CREATE TABLE things (id int)');
    await dataSource.query('INSERT INTO things VALUES (1)');
    const read = () =>
      database.connect('lookup', within(), async (connection) => {
        const { rows } = await connection.query(sql`SELECT * FROM things WHERE id = ${1}`);
        return rows;
      });
    expect(await read()).toEqual([{ id: 1 }]);
    await dataSource.query('ALTER TABLE things ADD COLUMN more int');
    expect(await read()).toEqual([{ id: 1, more: null }]);
  });

  it('are the primary’s, even if a URL stands beside `replication`', async () => {
    const other = await createDatabase(name);
    const { type, ...master } = created.options as MasterOptions;
    const { username, password, host, port } = master;
    const scheme = name === 'postgres' ? 'postgres' : 'mysql';
    const replica = { ...master, database: String(other.options.database) };
    const url = `${scheme}://${username}:${password}@${host}:${String(port)}/${replica.database}`;
    const replication = { master, slaves: [replica] };
    const replicated = await new DataSource({ type, url, replication }).initialize();
    const own = openDatabase(replicated, { connections: 1, timeoutMs: 3_000 });
    const { rows } = await own.connect('lookup', within(), (connection) =>
      connection.query(databaseName),
    );
    expect(rows).toEqual([{ name: created.options.database }]);
    await own.close();
    await replicated.destroy();
    await other.drop();
  });

  it('do not open once they are closed', async () => {
    await currentId();
    await database.close();
    await expect(currentId()).rejects.toThrow('the application is closed');
  });

  describe('whose network fails', () => {
    let proxy: Proxy;
    let distant: DataSource;
    beforeEach(async () => {
      const { host, port } = created.options as { host: string; port: number };
      proxy = await Proxy.start({ host, port });
      const options = { ...created.options, port: proxy.port } as DataSourceOptions;
      distant = await new DataSource(options).initialize();
      database = openDatabase(distant, { connections: 2, timeoutMs: 500 });
    });
    afterEach(async () => {
      proxy.shutDown();
      await distant.destroy();
    });

    const read = (work = idOf): Promise<number> =>
      database.connect('lookup', within(500), (connection) => work(connection));

    it.each(Object.entries(OPENING_STEPS[name]))(
      'are opened anew after the answer to %s was lost',
      async (_, pattern) => {
        const swallowed = proxy.swallowReplyTo(pattern);
        await expect(read()).rejects.toThrow('No answer within 500 ms.');
        await swallowed;
        const opened = await pollFor(
          () => read().catch(() => 0),
          (found) => found > 0,
          10_000,
        );
        expect(opened).toBeGreaterThan(0);
        await database.close();
      },
    );

    /** Opens two connections, and gives their ids. */
    const openTwo = (): Promise<number[]> => {
      let begun = 0;
      return repeat(2, () =>
        database.connect('lookup', within(), async (connection) => {
          begun++;
          await pollFor(
            () => begun,
            (count) => count === 2,
          );
          return idOf(connection);
        }),
      );
    };

    it('cost one deadline, however many are idle, when their host is gone without a word', async () => {
      const lost = await openTwo();
      proxy.forsake();
      await expect(read()).rejects.toThrow('No answer within 500 ms.');
      expect(lost).not.toContain(await read());
    });

    it('are kept if they have answered while another one got no answer', async () => {
      await openTwo();
      const late = expect(read((connection) => connection.query(sleep).then(() => 0))).rejects;
      await pause(100);
      const good = await read();
      await late.toThrow('No answer within 500 ms.');
      expect(await read()).toBe(good);
    });

    it('serve all while another one is long in coming', async () => {
      const first = await read();
      const opening = proxy.holdAt(OPENING_STEPS[name]['the session’s settings']);
      const ids = Promise.all(
        [0, 1, 2].map(() =>
          read(async (connection) => {
            await connection.query(sql`SELECT 1`);
            return idOf(connection);
          }),
        ),
      );
      await opening;
      expect(await ids).toEqual([first, first, first]);
    });

    it('are closed though the server is frozen', async () => {
      const held = proxy.holdAt(/sleep/i);
      const late = expect(
        database.connect('lookup', within(500), (connection) => connection.query(sleep)),
      ).rejects.toThrow('No answer within 500 ms.');
      await held;
      proxy.freeze();
      await database.close();
      await late;
    });
  });
});
