import { createRequire } from 'node:module';
import type { DataSourceOptions } from 'typeorm';

const require = createRequire(import.meta.url);

let sent = 0;

/** How many statements this process has sent to the database since `countStatements`. */
export const statementsSent = (): number => sent;

/** Counts in the driver, so that a statement counts on whichever connection it is sent. */
export function countStatements(type: DataSourceOptions['type']): void {
  if (type === 'postgres') {
    count(require('pg').Client.prototype, 'query');
  } else if (type === 'mariadb') {
    count(require('mysql2').Connection.prototype, 'query', 'execute');
  } else {
    const Database = require('better-sqlite3');
    const database = new Database(':memory:');
    count(Object.getPrototypeOf(database.prepare('SELECT 1')), 'all', 'get', 'run', 'iterate');
    database.close();
    count(Database.prototype, 'exec');
  }
}

function count(prototype: any, ...methods: string[]): void {
  for (const method of methods) {
    let owner = prototype;
    while (!Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner);
    const original = owner[method] as (...args: unknown[]) => unknown;
    owner[method] = function (this: unknown, ...args: unknown[]): unknown {
      sent += 1;
      return original.apply(this, args);
    };
  }
}
