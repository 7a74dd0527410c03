import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntitySubscriberInterface } from 'typeorm';
import { DATABASES } from '../support/databases.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { SqlLog } from '../support/sql-log.ts';

describe.each(DATABASES)('lists of tokens on %s', (database) => {
  let test: SessionApp;
  let log: SqlLog;
  beforeAll(async () => {
    test = await startSessionApp({ database });
    log = new SqlLog(test.dataSource);
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await test.rows.clear();
    test.dataSource.subscribers.length = 0;
  });

  /** Each user's names of sessions, the newest first. */
  async function fill(): Promise<Map<object, string[]>> {
    const names = new Map<object, string[]>([
      [test.john, []],
      [test.jane, []],
    ]);
    let created = Date.now() - 60_000;
    for (const name of ['desk', 'phone', 'tablet']) {
      for (const [user, own] of names) {
        const { authToken } = await test.tokens.create(user, { name, abilities: ['a:b'] });
        await test.rows.update({ digest: authToken.digest }, { created: new Date(created++) });
        own.unshift(name);
      }
    }
    const { authToken } = await test.tokens.create(test.john, { name: 'expired' });
    await test.rows.update({ digest: authToken.digest }, { expiry: new Date(Date.now() - 1) });
    log.clear();
    return names;
  }

  it('of several users at once are one statement, and each gets its own', async () => {
    const names = await fill();
    const [johns, janes, again, nobodys] = await Promise.all([
      test.tokens.list(test.john),
      test.tokens.list(test.jane),
      test.tokens.list(test.john),
      test.tokens.list({ id: 4_711 }),
    ]);
    expect(log.reads).toHaveLength(1);
    expect(johns.map(({ name }) => name)).toEqual(names.get(test.john));
    expect(janes.map(({ name }) => name)).toEqual(names.get(test.jane));
    expect(new Set(johns.map(({ user }) => user))).toEqual(new Set([test.john]));
    expect(nobodys).toEqual([]);
    expect(again).toEqual(johns);
    for (const [index, token] of again.entries()) {
      expect(token).not.toBe(johns[index]);
      expect(token.abilities).not.toBe(johns[index]!.abilities);
    }
  });

  it('are the same as TypeORM gives, which reads them once a subscriber listens', async () => {
    await fill();
    const before = await test.tokens.list(test.john);
    const loaded: object[] = [];
    const subscriber: EntitySubscriberInterface = {
      afterLoad: (entity) => void loaded.push(entity),
    };
    test.dataSource.subscribers.push(subscriber);
    const tokens = await test.tokens.list(test.john);
    expect(tokens).toEqual(before);
    expect(tokens.every((token) => loaded.includes(token))).toBe(true);
  });
});
