import type { DataSource, Logger } from 'typeorm';

/** Records every statement that the data source sends from now on. */
export class SqlLog implements Logger {
  readonly statements: string[] = [];

  constructor(dataSource: DataSource) {
    dataSource.logger = this;
  }

  clear(): void {
    this.statements.length = 0;
  }

  get reads(): string[] {
    return this.statements.filter((sql) => /^SELECT\b/i.test(sql));
  }

  get writes(): string[] {
    return this.statements.filter((sql) => /^(?:INSERT|UPDATE|DELETE)\b/i.test(sql));
  }

  logQuery(query: string): void {
    this.statements.push(query);
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
