import type { TestApp } from './app.ts';

/** All rows of both tables, to show that a request has changed nothing. */
export async function tableRows({ dataSource }: TestApp): Promise<unknown> {
  return {
    users: await dataSource.query('SELECT * FROM users ORDER BY id'),
    tokens: await dataSource.query('SELECT * FROM knox_auth_token ORDER BY digest'),
  };
}
