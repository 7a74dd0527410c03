import { DataSource, type DataSourceOptions } from 'typeorm';
import type { SessionToken } from '../../lib/index.ts';
import { AuthToken } from '../../lib/index.ts';
import { PASSWORD } from './app.ts';
import { nameOf } from './app-process.ts';
import type { Answer, HttpClient } from './http-client.ts';
import { User } from './users.ts';

/** Connects, creates the tables, and inserts the users with the keys 1 to `count`. */
export async function openWithUsers(
  options: DataSourceOptions,
  count: number,
  tokenEntity: typeof AuthToken | typeof SessionToken = AuthToken,
): Promise<DataSource> {
  const entities = [User, tokenEntity];
  const dataSource = await new DataSource({ ...options, entities, synchronize: true }).initialize();
  await dataSource.getRepository(User).insert(
    Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      username: nameOf(index + 1),
      password: '',
      isActive: true,
    })),
  );
  return dataSource;
}

const credentialsOf = (user: number) => ({ username: nameOf(user), password: PASSWORD });

export function login(client: HttpClient, user: number): Promise<Answer> {
  return client.post('/auth/login', { body: credentialsOf(user) });
}

/** Logs in. Gives the raw token. */
export function newToken(client: HttpClient, user: number): Promise<string> {
  return client.newToken({ body: credentialsOf(user) });
}

export function logout(client: HttpClient, token: string): Promise<Answer> {
  return client.post('/auth/logout', { token });
}

/** The status with which each application answers to the token. */
export async function verdicts(clients: readonly HttpClient[], token: string): Promise<number[]> {
  const answers = await Promise.all(clients.map((client) => client.get('/me', { token })));
  return answers.map(({ status }) => status);
}
