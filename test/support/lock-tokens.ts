import { DataSource } from 'typeorm';
import type { DatabaseName } from './databases.ts';

const LOCKS: Record<DatabaseName, { take: string[]; give: string }> = {
  sqlite: { take: ['BEGIN EXCLUSIVE'], give: 'ROLLBACK' },
  postgres: {
    take: ['BEGIN', 'LOCK TABLE knox_auth_token IN ACCESS EXCLUSIVE MODE'],
    give: 'ROLLBACK',
  },
  mariadb: { take: ['LOCK TABLES knox_auth_token WRITE'], give: 'UNLOCK TABLES' },
};

/** Locks the token table on another connection. Gives the function that unlocks it. */
export async function lockTokens(name: DatabaseName, of: DataSource): Promise<() => Promise<void>> {
  const { take, give } = LOCKS[name];
  const other = await new DataSource({
    ...of.options,
    entities: [],
    synchronize: false,
  }).initialize();
  const runner = other.createQueryRunner();
  for (const sql of take) await runner.query(sql);
  return async () => {
    await runner.query(give);
    await runner.release();
    await other.destroy();
  };
}
