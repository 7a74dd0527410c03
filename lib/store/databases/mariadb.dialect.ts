import type { TokenSchema } from '../token.schema.ts';
import type { Dialect } from './pooled.database.ts';

/** MariaDB, and MySQL 8. */
export function mariadbDialect(schema: TokenSchema): Dialect {
  const { table, key } = schema.owner;
  return {
    begin: () => ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'START TRANSACTION'],
    lockOwner: (owner) => ({
      sql: `SELECT ${key} FROM ${table} WHERE ${key} = ? FOR UPDATE`,
      parameters: [owner],
    }),
    comparesLoosely: true,
    transientCodes: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'],
    missingOwnerCodes: ['ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2'],
  };
}
