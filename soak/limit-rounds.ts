import type { DataSource, DataSourceOptions } from 'typeorm';
import { AuthToken } from '../lib/index.ts';
import type { Isolation } from '../test/support/isolation.ts';
import { AppProcess, nameOf } from '../test/support/app-process.ts';
import { PASSWORD } from './app-processes.ts';
import { retryWhileLocked } from './retry-while-locked.ts';

const LOGINS = 24;
const LIMIT = 5;
const USER = 1;

/** Each is set as the default of the connections. SQLite has no isolation levels. */
const LEVELS: readonly Isolation[] = ['READ COMMITTED', 'REPEATABLE READ'];

/**
 * Logs one user in, many times at once, in two new processes: `rounds` times, half of them at each
 * isolation level. Returns the failures.
 */
export async function limitRounds(
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
      // The cleanup that follows a login's answer may still hold the lock of an SQLite file.
      await retryWhileLocked(() => tokens.createQueryBuilder().delete().execute());
      const logins = Array.from({ length: LOGINS }, (_, index) =>
        clients[index % clients.length]!.post('/auth/login', { body }),
      );
      const statuses = (await Promise.all(logins)).map(({ status }) => status);
      const left = await retryWhileLocked(() => tokens.count());
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
