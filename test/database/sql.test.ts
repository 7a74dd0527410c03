import { describe, expect, it } from '@jest/globals';
import { mariadbDialect } from '../../lib/database/mariadb.dialect.ts';
import { POSTGRES } from '../../lib/database/postgres.dialect.ts';
import { render, sql } from '../../lib/database/sql.ts';
import type { ServerDialect, SqlDialect } from '../../lib/database/sql.dialect.ts';
import { SQLITE } from '../../lib/database/sqlite.dialect.ts';

const MARIADB = mariadbDialect('mariadb');

describe('sql', () => {
  it('makes a parameter of each value, and text of each part', () => {
    const condition = sql`${sql.raw('b')} = ${2}`;
    const statement = sql`SELECT ${1} WHERE ${condition} AND c = ${3}`;
    expect(render(statement, POSTGRES)).toEqual({
      text: 'SELECT $1 WHERE b = $2 AND c = $3',
      parameters: [1, 2, 3],
    });
  });

  it.each([null, undefined, 'text', '$1', [1, 2]])('makes a parameter of %p', (value) => {
    expect(render(sql`a = ${value}`, SQLITE)).toEqual({ text: 'a = ?', parameters: [value] });
  });

  it('leaves a question mark or a dollar in a name or a literal alone', () => {
    const statement = sql`SELECT ${POSTGRES.identifier('a?b$1')}, '?' WHERE c = ${1}`;
    expect(render(statement, POSTGRES).text).toBe(`SELECT "a?b$1", '?' WHERE c = $1`);
  });

  it('joins parts and values', () => {
    const statement = sql`(${sql.join([1, sql`f(${2})`, 3])})`;
    expect(render(statement, POSTGRES)).toEqual({ text: '($1, f($2), $3)', parameters: [1, 2, 3] });
    expect(render(sql.join([]), POSTGRES)).toEqual({ text: '', parameters: [] });
    expect(render(sql.join([sql`a`, sql`b`], ' AND '), POSTGRES).text).toBe('a AND b');
  });

  it('takes a statement that is rendered already as it is', () => {
    expect(render(sql.rendered('SELECT $1', [1]), MARIADB)).toEqual({
      text: 'SELECT $1',
      parameters: [1],
    });
  });
});

describe.each<[string, SqlDialect, Record<string, string>]>([
  [
    'PostgreSQL',
    POSTGRES,
    {
      name: '"a""b`c"',
      text: '"d" = $1',
      one: '"d" = $1',
      three: '"d" = ANY($1)',
    },
  ],
  [
    'MariaDB',
    MARIADB,
    {
      name: '`a"b``c`',
      text: '`d` = ? AND BINARY CONVERT(`d` USING utf8mb4) = BINARY CONVERT(? USING utf8mb4)',
      one: '`d` = ?',
      three: '`d` IN (?, ?, ?)',
    },
  ],
  [
    'MySQL',
    mariadbDialect('mysql'),
    {
      name: '`a"b``c`',
      text: '`d` = ? AND BINARY CONVERT(`d` USING utf8mb4) = BINARY CONVERT(? USING utf8mb4)',
      one: '`d` = ?',
      three: '`d` IN (?, ?, ?)',
    },
  ],
  [
    'SQLite',
    SQLITE,
    {
      name: '"a""b`c"',
      text: '"d" = ?',
      one: '"d" = ?',
      three: '"d" IN (?, ?, ?)',
    },
  ],
])('the dialect of %s', (_, dialect, texts) => {
  const column = dialect.identifier('d');
  const text = (statement: ReturnType<typeof sql>): string => render(statement, dialect).text;

  it('escapes names', () => {
    expect(text(dialect.identifier('a"b`c'))).toBe(texts.name);
  });

  it('compares text exactly', () => {
    expect(text(dialect.textEquals(column, 'x'))).toBe(texts.text);
  });

  it('compares with one value, and with several', () => {
    expect(text(dialect.anyOf(column, ['x']))).toBe(texts.one);
    expect(text(dialect.anyOf(column, ['x', 'y', 'z']))).toBe(texts.three);
    const { parameters } = render(dialect.anyOf(column, ['x', 'y', 'z']), dialect);
    expect(parameters.flat()).toEqual(['x', 'y', 'z']);
  });
});

it.each<[string, ServerDialect, string]>([
  ['PostgreSQL', POSTGRES, 'SELECT pg_advisory_xact_lock(-494639534654387916)'],
  ['MariaDB', MARIADB, 'SELECT `id` FROM `users` WHERE `id` = ? FOR UPDATE WAIT 2'],
  ['MySQL', mariadbDialect('mysql'), 'SELECT `id` FROM `users` WHERE `id` = ? FOR UPDATE'],
])('the dialect of %s locks', (_, dialect, text) => {
  const lock = dialect.lock(
    {
      name: 'nestjs-knox:knox_auth_token:1',
      table: dialect.identifier('users'),
      key: dialect.identifier('id'),
      value: 1,
    },
    1_500,
  );
  expect(render(lock, dialect).text).toBe(text);
});
