import { createHash, randomBytes } from 'node:crypto';
import { afterAll, expect, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuthToken, type KnoxModuleOptions } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { createDatabase, DATABASES, type DatabaseName } from '../support/databases.ts';
import type { Answer, HttpClient } from '../support/http-client.ts';
import type { Isolation } from '../support/isolation.ts';
import { AppProcess, nameOf, type SentEvent } from '../support/app-process.ts';
import { until } from '../support/until.ts';
import { User } from '../support/users.ts';

/** A database server, and the isolation level that it takes for its default. */
export interface Ground {
  readonly name: string;
  readonly database: DatabaseName;
  readonly isolation?: Isolation;
}

const at = (database: DatabaseName, isolation: Isolation): Ground => ({
  name: `${database} at ${isolation}`,
  database,
  isolation,
});

export const GROUNDS: readonly Ground[] = [
  { name: 'sqlite', database: 'sqlite' } as const,
  at('postgres', 'READ COMMITTED'),
  at('postgres', 'REPEATABLE READ'),
  at('mariadb', 'READ COMMITTED'),
  at('mariadb', 'REPEATABLE READ'),
].filter(({ database }) => DATABASES.includes(database));

/** One of each database: where nothing depends on the isolation level. */
export const DATABASE_GROUNDS = GROUNDS.filter(({ isolation }) => isolation !== 'REPEATABLE READ');

/** Connections of each process, as many as there are processes to share a small server. */
const POOL_SIZE = 5;

/** Of pg and of mysql2: on a busy machine, a connection may be long in coming. */
const PATIENT = { connectTimeoutMS: 30_000, connectTimeout: 30_000 };

/** By then, what no request waits for has been done. */
const SETTLED_MS = 40_000;

/** How many users each race has; their keys are 1 to this. */
export const USERS = 40;

// Two processes and their tests may share the machine with others.
jest.setTimeout(90_000);

// Loading an application takes longer than any test: the processes serve one after the other.
let processes: [AppProcess, AppProcess] | undefined;

async function endProcesses(): Promise<void> {
  const ending = processes ?? [];
  processes = undefined;
  await Promise.all(ending.map((process) => process.kill()));
}

afterAll(endProcesses);

/** Two processes, each with the same application, on one database. */
export class Race {
  #turn = 0;

  private constructor(
    readonly clients: readonly [HttpClient, HttpClient],
    readonly dataSource: DataSource,
    readonly close: () => Promise<void>,
  ) {}

  static async start(
    { database: name, isolation }: Ground,
    knox: KnoxModuleOptions,
    { clockSkewMs = 0 } = {},
  ): Promise<Race> {
    processes ??= [new AppProcess(), new AppProcess()];
    const [first, second] = processes;
    const { options, drop } = await createDatabase(name);
    const dataSource = new DataSource({
      ...options,
      entities: [User, AuthToken],
      synchronize: true,
    });
    // Whatever went wrong before, nothing is left that would keep the tests from ending.
    const close = async (): Promise<void> => {
      try {
        await Promise.all([first.close(), second.close()]);
      } catch (error) {
        await endProcesses();
        throw error;
      } finally {
        if (dataSource.isInitialized) await dataSource.destroy();
        await drop();
      }
    };
    try {
      await dataSource.initialize();
      await dataSource.getRepository(User).insert(
        Array.from({ length: USERS }, (_, i) => ({
          id: i + 1,
          username: nameOf(i + 1),
          password: '',
          isActive: true,
        })),
      );
      const database = { ...options, poolSize: POOL_SIZE, ...PATIENT } as typeof options;
      const serve = {
        database,
        isolation,
        knox: { authTimeout: '30s', ...knox } as const,
        password: PASSWORD,
      };
      const clients = await Promise.all([
        first.serve(serve),
        second.serve({ ...serve, clockSkewMs }),
      ]);
      return new Race(clients, dataSource, close);
    } catch (error) {
      await close().catch(() => undefined);
      throw error;
    }
  }

  /** The two processes take turns. */
  get client(): HttpClient {
    return this.clients[this.#turn++ % 2]!;
  }

  login(user: number): Promise<Answer> {
    return this.client.post('/auth/login', {
      body: { username: nameOf(user), password: PASSWORD },
    });
  }

  async token(user: number): Promise<string> {
    const { status, text, body } = await this.login(user);
    if (status !== 200) throw new Error(`Login: ${String(status)} ${text}`);
    return body.token;
  }

  me(token: string): Promise<Answer> {
    return this.client.get('/me', { token });
  }

  logout(token: string): Promise<Answer> {
    return this.client.post('/auth/logout', { token });
  }

  logoutAll(token: string): Promise<Answer> {
    return this.client.post('/auth/logoutall', { token });
  }

  /** What both processes answer to the token, one status each. */
  async verdicts(token: string): Promise<number[]> {
    const answers = await Promise.all(this.clients.map((client) => client.get('/me', { token })));
    return answers.map(({ status }) => status);
  }

  /** The events of this name that both processes have sent since the last time someone asked. */
  async events(name: string): Promise<SentEvent[]> {
    const answers = await Promise.all(this.clients.map((client) => client.get('/events')));
    return answers
      .flatMap(({ body }) => body as SentEvent[])
      .filter((event) => event.name === name);
  }

  /** How many tokens the events of this name are about. */
  async told(name: string): Promise<number> {
    return (await this.events(name)).reduce((total, { count }) => total + count, 0);
  }

  /** Waits for what no request waits for: so many rows, so many tokens told of, and no more. */
  async settle(rows: number, name: string, told: number): Promise<void> {
    let total = 0;
    await until(rows, async () => (await this.rows()).length, SETTLED_MS);
    await until(told, async () => (total += await this.told(name)), SETTLED_MS);
    expect(await this.told(name)).toBe(0);
  }

  /** Forgets all tokens and events. */
  async clear(): Promise<void> {
    await this.dataSource.getRepository(AuthToken).deleteAll();
    await this.forgetEvents();
  }

  async forgetEvents(): Promise<void> {
    await this.events('');
  }

  rows(user?: number): Promise<AuthToken<User>[]> {
    const where = user === undefined ? {} : { user: { id: user } };
    return this.dataSource.getRepository(AuthToken<User>).findBy(where);
  }

  /** Puts tokens of this expiry in the table, as many for each user; gives the raw ones. */
  async plant(users: readonly number[], each: number, expiry: number): Promise<string[]> {
    const tokens = users.flatMap((user) =>
      Array.from({ length: each }, () => ({ user, token: randomBytes(32).toString('hex') })),
    );
    const rows = tokens.map(({ user, token }) => ({
      digest: createHash('sha512').update(token).digest('hex'),
      tokenKey: token.slice(0, 15),
      user: { id: user },
      created: new Date(),
      expiry: new Date(expiry),
      ttl: null,
    }));
    await this.dataSource.getRepository(AuthToken).insert(rows);
    return tokens.map(({ token }) => token);
  }
}

/** As many of each status as there are. */
export function tally(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** So many, all at once. */
export function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}
