import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { describeOn } from '../support/describe-on.ts';
import { SqlLog } from '../support/sql-log.ts';

const GOOD = 50_000;

/** Forty batches: so many that PostgreSQL expects to find one soon, wherever it begins. */
const EXPIRED = 20_000;

describeOn(['postgres'], 'deleteExpired on %s', (name) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ database: name });
  });
  afterAll(() => test.close());

  const insert = (prefix: string, count: number, expiry: number) =>
    test.dataSource.query(
      `INSERT INTO knox_auth_token (digest, token_key, created, expiry, ttl, user_id)
       SELECT lpad($1 || i, 128, '0'), lpad($1 || i, 15, '0'), 1, $2::bigint + i, NULL, $3::int
       FROM generate_series(1, $4::int) i`,
      [prefix, expiry, test.john.id, count],
    );

  it('finds each batch by the index, and does not read past the good tokens', async () => {
    await insert('a', GOOD, Date.now() + 3_600_000);
    await insert('b', EXPIRED, 1);
    // An expiry that no Date can hold.
    await insert('c', 1, 8_640_000_000_000_000);
    await test.dataSource.query('VACUUM ANALYZE knox_auth_token');
    const sent = new SqlLog(test.dataSource);
    const selects: [text: string, values: unknown[]][] = [];
    sent.logQuery = (text: string, values?: unknown[]) => {
      if (text.includes('SKIP LOCKED')) selects.push([text, values ?? []]);
    };
    expect(await test.tokens.deleteExpired()).toBe(EXPIRED + 1);
    // By the statistics of the table as it was.
    const plans = await Promise.all(
      [selects[0]!, selects.at(-1)!].map(([text, values]) =>
        test.dataSource.query(`EXPLAIN ${text}`, values),
      ),
    );
    for (const plan of plans) expect(JSON.stringify(plan)).toMatch(/Index Scan/);
    expect(await test.rows.count()).toBe(GOOD);
  });
});
