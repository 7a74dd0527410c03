import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { Connection, Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { sql, type Sql } from '../../database/sql.ts';

/** A statement's text, and what makes its parameters of the digests. */
interface Template {
  readonly text: string;
  readonly parameters: readonly ((digests: readonly string[]) => unknown)[];
}

/** Beyond so many digests, their number is rounded up to a multiple, so that there are few texts. */
const ROUNDED_FROM = 100;

/** Reads the rows of tokens by their digests. TypeORM makes the text once for each number of digests. */
export class DigestQuery {
  readonly #query: SelectQueryBuilder<ObjectLiteral>;
  readonly #column: Sql;
  readonly #key: string;
  readonly #dialect: SqlDialect;
  readonly #templates = new Map<number, Template>();

  /**
   * @param query has no condition yet
   * @param column the digest in that query
   * @param key under which a row has its digest
   */
  constructor(
    query: SelectQueryBuilder<ObjectLiteral>,
    column: Sql,
    key: string,
    dialect: SqlDialect,
  ) {
    this.#query = query;
    this.#column = column;
    this.#key = key;
    this.#dialect = dialect;
  }

  async load(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, readonly Row[]>> {
    const rows = await this.rows(connection, digests);
    const found = new Map<string, Row[]>();
    for (const row of rows) {
      const digest = this.digestOf(row);
      const others = found.get(digest);
      if (others) others.push(row);
      else found.set(digest, [row]);
    }
    return found;
  }

  /** The rows as they come. */
  async rows(connection: Connection, digests: readonly string[]): Promise<readonly Row[]> {
    return (await connection.query(this.#statement(digests), true)).rows;
  }

  readonly digestOf = (row: Row | undefined): string => String(row?.[this.#key]);

  #statement(given: readonly string[]): Sql {
    const digests = rounded(given);
    const count = digests.length;
    const template = this.#templates.get(count) ?? this.#template(count);
    this.#templates.set(count, template);
    const parameters = template.parameters.map((parameterOf) => parameterOf(digests));
    return sql.rendered(template.text, parameters);
  }

  #template(count: number): Template {
    // TypeORM gives each stand-in its place among the parameters.
    const standIns = Array.from({ length: count }, (_, index) => Symbol(index));
    const { texts, parameters: values } = this.#dialect.anyOf(this.#column, standIns);
    const nameOf = (index: number): string => `knox_${String(index)}`;
    const [text, parameters] = this.#query
      .clone()
      .where(texts.reduce((start, part, index) => `${start}:${nameOf(index - 1)}${part}`))
      .setParameters(Object.fromEntries(values.map((value, index) => [nameOf(index), value])))
      .getQueryAndParameters();
    const parameterOf = (parameter: unknown): Template['parameters'][number] => {
      if (parameter === standIns) return (digests) => digests;
      const index = standIns.indexOf(parameter as symbol);
      return index === -1 ? () => parameter : (digests) => digests[index];
    };
    return { text, parameters: parameters.map(parameterOf) };
  }
}

/** The digests, with the last one repeated: a row is found once however often it is asked for. */
function rounded(digests: readonly string[]): readonly string[] {
  const { length } = digests;
  if (length <= ROUNDED_FROM) return digests;
  const last = digests[length - 1] as string;
  const missing = Math.ceil(length / ROUNDED_FROM) * ROUNDED_FROM - length;
  return [...digests, ...Array<string>(missing).fill(last)];
}
