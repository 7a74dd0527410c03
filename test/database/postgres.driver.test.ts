import { expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { PostgresDriver } from '../../lib/database/postgres.driver.ts';

interface SentQuery {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A direct connection, as its session can be set. */
class Client {
  readonly processID = 1;
  readonly sent: SentQuery[] = [];

  query(query: SentQuery, done: (error: null, result: object) => void): void {
    this.sent.push(query);
    done(null, { rows: [{}], rowCount: 1 });
  }
}

class Query implements SentQuery {
  name?: string;
  readonly text: string;
  readonly values: readonly unknown[];

  constructor(text: string, values: readonly unknown[]) {
    this.text = text;
    this.values = values;
  }

  submit(): void {
    throw new Error('Clients call it, and this one sends nothing.');
  }
}

class ClientWithQuery extends Client {
  static readonly Query = Query;
}

it.each([
  { title: 'makes the queries of its class Query', client: new ClientWithQuery(), isMade: true },
  { title: 'has no class Query', client: new Client(), isMade: false },
])('a client that $title keeps a frequent query prepared', async ({ client, isMade }) => {
  const driver = new PostgresDriver();
  const runner = { databaseConnection: client } as unknown as QueryRunner;
  await driver.prepareSession(runner, { connections: 1, timeoutMs: 1000 });
  for (const isFrequent of [true, false]) {
    await driver.query(runner, 'SELECT $1', ['a value'], isFrequent);
  }
  const [, frequent, rare] = client.sent;
  expect(frequent).toMatchObject({
    name: 'knox_SELECT_0',
    text: 'SELECT $1',
    values: ['a value'],
  });
  expect(frequent instanceof Query).toBe(isMade);
  expect(rare).toEqual({ text: 'SELECT $1', values: ['a value'] });
});
