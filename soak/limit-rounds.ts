import type { DataSource, DataSourceOptions } from 'typeorm';
import { SessionToken } from '../lib/index.ts';
import type { Isolation } from '../test/support/isolation.ts';
import { AppProcess, nameOf } from '../test/support/app-process.ts';
import { PASSWORD } from './app-processes.ts';
import { retryWhileLocked } from './retry-while-locked.ts';

const LOGINS = 24;
const LIMIT = 5;
const USER = 1;

/** What becomes of logins beyond the limit. */
const POLICIES = ['reject', 'evict-oldest'] as const;

/** Each is set as the default of the connections. SQLite has no isolation levels. */
const LEVELS: readonly Isolation[] = ['READ COMMITTED', 'REPEATABLE READ'];

interface Setting {
  readonly isolation: Isolation | undefined;
  readonly policy: (typeof POLICIES)[number];
}

/**
 * Logs one user in, many times at once, in two new processes: `rounds` times, as many at each isolation level and under
 * each policy. Returns the failures.
 */
export async function limitRounds(
  options: DataSourceOptions,
  dataSource: DataSource,
  rounds: number,
): Promise<string[]> {
  const levels = options.type === 'better-sqlite3' ? [undefined] : LEVELS;
  const failures: string[] = [];
  const settings = levels.flatMap((isolation) => POLICIES.map((policy) => ({ isolation, policy })));
  for (const [index, setting] of settings.entries()) {
    const count = Math.floor((rounds + index) / settings.length);
    if (count > 0) failures.push(...(await roundsWith(setting, options, dataSource, count)));
  }
  return failures;
}

async function roundsWith(
  { isolation, policy }: Setting,
  database: DataSourceOptions,
  dataSource: DataSource,
  rounds: number,
): Promise<string[]> {
  const tokens = dataSource.getRepository(SessionToken);
  const processes = [new AppProcess(), new AppProcess()];
  const knox = { tokenLimitPerUser: LIMIT, tokenLimitPolicy: policy };
  const serve = { database, isolation, hasSessions: true, knox, password: PASSWORD };
  const body = { username: nameOf(USER), password: PASSWORD };
  const answers =
    policy === 'reject'
      ? `${String(LIMIT)} x 200, ${String(LOGINS - LIMIT)} x 403`
      : `${String(LOGINS)} x 200`;
  const expected = `${answers}, ${String(LIMIT)} tokens`;
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
        failures.push(
          `round ${String(round)}${isolation ? ` at ${isolation}` : ''}, ${policy}: ${found}`,
        );
    }
  } finally {
    await Promise.all(processes.map((process) => process.kill()));
  }
  return failures;
}
