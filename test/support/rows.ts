import type { TestApp } from './app.ts';

/** All there is in both tables, to see that a request has touched none of it. */
export async function allRows({ dataSource }: TestApp): Promise<unknown> {
  return {
    users: await dataSource.query('SELECT * FROM users ORDER BY id'),
    tokens: await dataSource.query('SELECT * FROM knox_auth_token ORDER BY digest'),
  };
}
