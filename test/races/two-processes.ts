import { createHash, randomBytes } from 'node:crypto';
import { afterAll, expect, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { AuthToken, SessionToken, type KnoxModuleOptions } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { createDatabase, DATABASES, type DatabaseName } from '../support/databases.ts';
import type { Answer, HttpClient } from '../support/http-client.ts';
import type { Isolation } from '../support/isolation.ts';
import { AppProcess, type SentEvent } from '../support/app-process.ts';
import { login, logout, newToken, openWithUsers, verdicts } from '../support/numbered-users.ts';
import { pollUntil } from '../support/polling.ts';
import type { User } from '../support/users.ts';

/** A database, and its default isolation level. */
export interface Backend {
  readonly name: string;
  readonly database: DatabaseName;
  readonly isolation?: Isolation;
}

const at = (database: DatabaseName, isolation: Isolation): Backend => ({
  name: `${database} at ${isolation}`,
  database,
  isolation,
});

export const BACKENDS: readonly Backend[] = [
  { name: 'sqlite', database: 'sqlite' } as const,
  at('postgres', 'READ COMMITTED'),
  at('postgres', 'REPEATABLE READ'),
  at('mariadb', 'READ COMMITTED'),
  at('mariadb', 'REPEATABLE READ'),
].filter(({ database }) => DATABASES.includes(database));

/** One of each database, for tests that do not depend on the isolation level. */
export const BACKENDS_BY_DATABASE = BACKENDS.filter(
  ({ isolation }) => isolation !== 'REPEATABLE READ',
);

/** Connections of each process: few, because several test processes share a small server. */
const POOL_SIZE = 5;

/** Options of pg and of mysql2: on a busy machine it may take long to connect. */
const PATIENT = { connectTimeoutMS: 30_000, connectTimeout: 30_000 };

/** Work that no request waits for must be done within this time, in milliseconds. */
const SETTLED_MS = 40_000;

/** The number of users. Their keys are 1 to USERS. */
export const USERS = 40;

// The two processes may share the machine with other tests.
jest.setTimeout(90_000);

// Start the processes once: loading their code takes longer than any test.
let processes: [AppProcess, AppProcess] | undefined;

async function endProcesses(): Promise<void> {
  const ending = processes ?? [];
  processes = undefined;
  await Promise.all(ending.map((process) => process.kill()));
}

afterAll(endProcesses);

/** The same application in two processes, on one database. */
export class Race {
  #turn = 0;

  private constructor(
    readonly clients: readonly [HttpClient, HttpClient],
    readonly dataSource: DataSource,
    readonly tokenEntity: typeof AuthToken | typeof SessionToken,
    readonly close: () => Promise<void>,
  ) {}

  static async start(
    { database: name, isolation }: Backend,
    knox: KnoxModuleOptions,
    { clockSkewMs = 0, hasSessions = false } = {},
  ): Promise<Race> {
    processes ??= [new AppProcess(), new AppProcess()];
    const [first, second] = processes;
    const { options, drop } = await createDatabase(name);
    let dataSource: DataSource | undefined;
    // Close all of it even if a part fails: a connection that is left keeps Jest from ending.
    const close = async (): Promise<void> => {
      try {
        await Promise.all([first.close(), second.close()]);
      } catch (error) {
        await endProcesses();
        throw error;
      } finally {
        await dataSource?.destroy();
        await drop();
      }
    };
    try {
      const tokenEntity = hasSessions ? SessionToken : AuthToken;
      dataSource = await openWithUsers(options, USERS, tokenEntity);
      const database = { ...options, poolSize: POOL_SIZE, ...PATIENT } as typeof options;
      const serve = {
        database,
        isolation,
        knox: { authTimeout: '30s', ...knox } as const,
        password: PASSWORD,
        hasSessions,
      };
      const clients = await Promise.all([
        first.serve(serve),
        second.serve({ ...serve, clockSkewMs }),
      ]);
      return new Race(clients, dataSource, tokenEntity, close);
    } catch (error) {
      await close().catch(() => undefined);
      throw error;
    }
  }

  /** The client of the process whose turn it is. */
  get client(): HttpClient {
    return this.clients[this.#turn++ % 2]!;
  }

  login(user: number): Promise<Answer> {
    return login(this.client, user);
  }

  token(user: number): Promise<string> {
    return newToken(this.client, user);
  }

  me(token: string): Promise<Answer> {
    return this.client.get('/me', { token });
  }

  logout(token: string): Promise<Answer> {
    return logout(this.client, token);
  }

  logoutAll(token: string): Promise<Answer> {
    return this.client.post('/auth/logoutall', { token });
  }

  /** The status with which each process answers to the token. */
  verdicts(token: string): Promise<number[]> {
    return verdicts(this.clients, token);
  }

  /** The events of this name in both processes since the last call. */
  async events(name: string): Promise<SentEvent[]> {
    const answers = await Promise.all(this.clients.map((client) => client.get('/events')));
    return answers
      .flatMap(({ body }) => body as SentEvent[])
      .filter((event) => event.name === name);
  }

  /** How many tokens the events of this name report since the last call. */
  async countTokensIn(name: string): Promise<number> {
    return (await this.events(name)).reduce((total, { count }) => total + count, 0);
  }

  /** Waits for the work after a request, until this many rows are left and exactly this many tokens are reported. */
  async settle(rows: number, name: string, tokens: number): Promise<void> {
    let total = 0;
    await pollUntil(rows, async () => (await this.rows()).length, SETTLED_MS);
    await pollUntil(tokens, async () => (total += await this.countTokensIn(name)), SETTLED_MS);
    expect(await this.countTokensIn(name)).toBe(0);
  }

  /** Deletes all tokens and events. */
  async clear(): Promise<void> {
    await this.dataSource.getRepository<AuthToken>(this.tokenEntity).deleteAll();
    await this.forgetEvents();
  }

  async forgetEvents(): Promise<void> {
    await this.events('');
  }

  rows(user?: number): Promise<AuthToken<User>[]> {
    const where = user === undefined ? {} : { user: { id: user } };
    return this.dataSource.getRepository<AuthToken<User>>(this.tokenEntity).findBy(where);
  }

  /** Inserts tokens with this expiry, the same number for each user. Gives the raw tokens. */
  async insertTokens(users: readonly number[], each: number, expiry: number): Promise<string[]> {
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
    await this.dataSource.getRepository<AuthToken>(this.tokenEntity).insert(rows);
    return tokens.map(({ token }) => token);
  }
}
