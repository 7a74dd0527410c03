import { DataSource, type DataSourceOptions } from 'typeorm';
import { AuthToken, type KnoxModuleOptions } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import type { Answer, HttpClient } from '../support/http-client.ts';
import { AppProcess, nameOf } from '../support/app-process.ts';
import { User } from '../support/users.ts';

/** How many users there are; their keys are 1 to this. */
export const USERS = 20;

/** Creates the tables and the users, on a connection that stays past all that is tested. */
export async function prepare(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource({
    ...options,
    entities: [User, AuthToken],
    synchronize: true,
    poolSize: 1,
  } as DataSourceOptions).initialize();
  await dataSource.getRepository(User).insert(
    Array.from({ length: USERS }, (_, index) => ({
      id: index + 1,
      username: nameOf(index + 1),
      password: '',
      isActive: true,
    })),
  );
  return dataSource;
}

/** Application processes, each on a data source of its own. */
export class Apps {
  readonly #processes: AppProcess[];
  clients: readonly HttpClient[] = [];

  constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => new AppProcess());
  }

  async serve(databases: DataSourceOptions[], knox: KnoxModuleOptions): Promise<void> {
    this.clients = await Promise.all(
      this.#processes.map((process, index) =>
        process.serve({ database: databases[index]!, knox, password: PASSWORD }),
      ),
    );
  }

  /** The application of this number; they take turns. */
  at(index: number): HttpClient {
    return this.clients[index % this.clients.length]!;
  }

  /** What each application answers to the token, one status each. */
  async verdicts(token: string): Promise<number[]> {
    const answers = await Promise.all(this.clients.map((client) => client.get('/me', { token })));
    return answers.map(({ status }) => status);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
  }
}

export function login(client: HttpClient, user: number): Promise<Answer> {
  return client.post('/auth/login', { body: { username: nameOf(user), password: PASSWORD } });
}

/** Logs in, and gives the raw token. */
export async function newToken(client: HttpClient, user: number): Promise<string> {
  const { status, text, body } = await login(client, user);
  if (status !== 200) throw new Error(`Login: ${String(status)} ${text}`);
  return body.token;
}

export function logout(client: HttpClient, token: string): Promise<Answer> {
  return client.post('/auth/logout', { token });
}

/** So many, all at once. */
export function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}

/** As many of each status as there are. */
export function tally(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
