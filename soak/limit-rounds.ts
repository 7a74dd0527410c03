import type { DataSource, DataSourceOptions } from 'typeorm';
import { AuthToken } from '../lib/index.ts';
import type { Isolation } from '../test/support/isolation.ts';
import { AppProcess, nameOf } from '../test/support/app-process.ts';
import { PASSWORD } from './app-processes.ts';
import { whenUnlocked } from './retry-while-locked.ts';

const LOGINS = 24;
const LIMIT = 5;
const USER = 1;

/** Each as if it were the server's default; SQLite has none. */
const LEVELS: readonly Isolation[] = ['READ COMMITTED', 'REPEATABLE READ'];

/**
 * So many rounds of parallel logins of one user, in two processes of their own, half of them at each
 * isolation level; what went wrong.
 */
export async function loginRounds(
  options: DataSourceOptions,
  dataSource: DataSource,
  rounds: number,
): Promise<string[]> {
  const levels = options.type === 'better-sqlite3' ? [undefined] : LEVELS;
  const failures: string[] = [];
  for (const [index, isolation] of levels.entries()) {
    const count = Math.floor((rounds + index) / levels.length);
    if (count > 0) failures.push(...(await roundsAt(isolation, options, dataSource, count)));
  }
  return failures;
}

async function roundsAt(
  isolation: Isolation | undefined,
  database: DataSourceOptions,
  dataSource: DataSource,
  rounds: number,
): Promise<string[]> {
  const tokens = dataSource.getRepository(AuthToken);
  const processes = [new AppProcess(), new AppProcess()];
  const serve = { database, isolation, knox: { tokenLimitPerUser: LIMIT }, password: PASSWORD };
  const body = { username: nameOf(USER), password: PASSWORD };
  const expected = `${String(LIMIT)} x 200, ${String(LOGINS - LIMIT)} x 403, ${String(LIMIT)} tokens`;
  const failures: string[] = [];
  try {
    const clients = await Promise.all(processes.map((process) => process.serve(serve)));
    for (let round = 1; round <= rounds; round++) {
      // A login has something left to do after its answer.
      await whenUnlocked(() => tokens.createQueryBuilder().delete().execute());
      const logins = Array.from({ length: LOGINS }, (_, index) =>
        clients[index % clients.length]!.post('/auth/login', { body }),
      );
      const statuses = (await Promise.all(logins)).map(({ status }) => status);
      const left = await whenUnlocked(() => tokens.count());
      const found = [...new Set(statuses)]
        .sort((one, other) => one - other)
        .map(
          (status) =>
            `${String(statuses.filter((it) => it === status).length)} x ${String(status)}`,
        )
        .concat(`${String(left)} tokens`)
        .join(', ');
      if (found !== expected)
        failures.push(`round ${String(round)}${isolation ? ` at ${isolation}` : ''}: ${found}`);
    }
  } finally {
    await Promise.all(processes.map((process) => process.kill()));
  }
  return failures;
}
