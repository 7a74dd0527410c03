import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionToken } from '../../lib/index.ts';
import { LastUsedWriter } from '../../lib/service/last-used.writer.ts';
import { DATABASES } from '../support/databases.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { pollFor } from '../support/polling.ts';
import { repeat } from '../support/repeat.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import type { User } from '../support/users.ts';

const INTERVAL_MS = 60_000;

describe.each(DATABASES)('the last use of a token on %s', (database) => {
  let test: SessionApp;
  beforeAll(async () => {
    test = await startSessionApp({ database, knox: { storedIp: 'full' } });
  });
  afterAll(() => test.close());
  beforeEach(() => test.rows.clear());

  const row = async (digest: string): Promise<SessionToken<User> | null> =>
    test.rows.findOneBy({ digest });
  const use = (token: string, userAgent = 'Firefox') =>
    test.client.get('/me', { token, headers: { 'user-agent': userAgent } });
  const whenUsed = (digest: string, after = 0) =>
    pollFor(
      () => row(digest),
      (found) => Number(found?.lastUsed) > after,
      5_000,
    );

  it('is written soon, with the client', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    expect(await row(authToken.digest)).toMatchObject({
      lastUsed: null,
      ip: null,
      userAgent: null,
    });
    const before = Date.now();
    expect((await use(token)).status).toBe(200);
    const found = await whenUsed(authToken.digest);
    expect(found).toMatchObject({ ip: '127.0.0.1', userAgent: 'Firefox' });
    expect(Number(found!.lastUsed)).toBeGreaterThanOrEqual(before);
    expect(Number(found!.lastUsed)).toBeLessThanOrEqual(Date.now());
    expect(found!.expiry).toEqual(authToken.expiry);
  });

  it('follows the client, and keeps what a use does not tell', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    const old = new Date(Date.now() - 2 * INTERVAL_MS);
    const known = { lastUsed: old, ip: '192.0.2.1', userAgent: 'Netscape' };
    await test.rows.update({ digest: authToken.digest }, known);
    await test.tokens.authenticate(token);
    const told = await whenUsed(authToken.digest, +old);
    expect(told).toMatchObject({ ip: '192.0.2.1', userAgent: 'Netscape' });
    await test.rows.update({ digest: authToken.digest }, known);
    await use(token, 'Chrome');
    const moved = await whenUsed(authToken.digest, +old);
    expect(moved).toMatchObject({ ip: '127.0.0.1', userAgent: 'Chrome' });
  });

  it('is written once in the interval, and never moved back', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    for (const lastUsed of [new Date(), new Date(Date.now() + 3_600_000)]) {
      await test.rows.update({ digest: authToken.digest }, { lastUsed, userAgent: 'first' });
      await use(token, 'second');
      // What is written anyway comes after it.
      const other = await test.tokens.create(test.john);
      await use(other.token);
      await whenUsed(other.authToken.digest);
      expect(await row(authToken.digest)).toMatchObject({ lastUsed, userAgent: 'first' });
    }
  });

  it('brings no token back that was revoked meanwhile', async () => {
    const made = await repeat(30, () => test.tokens.create(test.john));
    const kept = made.slice(20);
    await Promise.all(made.map(({ token }) => use(token)));
    const gone = made.slice(0, 20);
    await Promise.all(gone.map(({ authToken }) => test.tokens.revoke(authToken)));
    for (const { authToken } of kept) await whenUsed(authToken.digest);
    const digests = (await test.rows.find()).map(({ digest }) => digest).sort();
    expect(digests).toEqual(kept.map(({ authToken }) => authToken.digest).sort());
  });

  it('of more tokens than one statement takes is written for each', async () => {
    const made = await repeat(130, () => test.tokens.create(test.john));
    await Promise.all(made.map(({ token }) => use(token)));
    const unused = () => test.rows.countBy({ userAgent: 'Firefox' });
    expect(await pollFor(unused, (count) => count === 130, 5_000)).toBe(130);
    const rows = await test.rows.find();
    expect(rows.filter(({ lastUsed }) => lastUsed === null)).toEqual([]);
  });
});

describe.each(DATABASES)('the last use of a token on %s', (database) => {
  it('is written when the application closes', async () => {
    const test = await startSessionApp({ database });
    const { token, authToken } = await test.tokens.create(test.john);
    const { options } = test.dataSource;
    const { DataSource } = await import('typeorm');
    await test.client.get('/me', { token });
    await test.app.close();
    const dataSource = await new DataSource(options).initialize();
    const found = await dataSource
      .getRepository(SessionToken)
      .findOneByOrFail({ digest: authToken.digest });
    await dataSource.destroy();
    await test.close();
    expect(found.lastUsed).toBeInstanceOf(Date);
    expect(found.ip).toBe('127.0.0.0');
  });

  it.each(['none', 'network'] as const)(
    'keeps an address as storedIp says: %s',
    async (storedIp) => {
      const test = await startSessionApp({ database, knox: { storedIp, lastUsedInterval: 0 } });
      try {
        const token = await test.login();
        await test.client.get('/me', { token });
        const [found] = await pollFor(
          () => test.rows.find(),
          ([first]) => first?.lastUsed instanceof Date,
        );
        expect(found!.lastUsed).toBeInstanceOf(Date);
        expect(found!.ip).toBe(storedIp === 'none' ? null : '127.0.0.0');
      } finally {
        await test.close();
      }
    },
  );
});

describeOnServers('a last use on %s', (database) => {
  let test: SessionApp;
  beforeAll(async () => {
    test = await startSessionApp({ database });
  });
  afterAll(() => test.close());

  it('passes by a row that others hold, and waits for none', async () => {
    const made = await repeat(5, () => test.tokens.create(test.john));
    const [held, ...others] = made.map(({ authToken }) => authToken.digest).sort();
    const holder = test.dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query(`SELECT digest FROM knox_auth_token WHERE digest = '${held!}' FOR UPDATE`);
    try {
      await Promise.all(made.map(({ token }) => test.client.get('/me', { token })));
      for (const digest of others) {
        const found = await pollFor(
          () => test.rows.findOneBy({ digest }),
          (row) => row?.lastUsed != null,
        );
        expect(found!.lastUsed).not.toBeNull();
      }
      expect((await test.rows.findOneBy({ digest: held! }))!.lastUsed).toBeNull();
    } finally {
      await holder.rollbackTransaction();
      await holder.release();
    }
  });
});

describe('last uses that cannot be written', () => {
  const DIGEST = 'a'.repeat(128);
  let written: string[][];
  let fails: boolean;
  let writer: LastUsedWriter<SessionToken<User>>;
  const note = (digest = DIGEST): void => {
    writer.note({ digest, lastUsed: null } as never, { client: null } as never);
  };
  beforeEach(() => {
    written = [];
    fails = false;
    const store = {
      schema: { features: new Set(['lastUsed']) },
      touch: async (uses: { digest: string }[]) => {
        written.push(uses.map(({ digest }) => digest));
        if (fails) throw new Error('read only');
      },
    };
    const settings = { lastUsedInterval: 5, storedIp: 'network', authTimeout: 1_000 };
    writer = new LastUsedWriter(settings as never, store as never);
  });
  afterEach(() => writer.close());

  it('are forgotten, and not tried again for a minute', async () => {
    fails = true;
    note();
    await pollFor(
      () => written.length,
      (count) => count > 0,
    );
    fails = false;
    note();
    note('b'.repeat(128));
    await new Promise((resolve) => setTimeout(resolve, 30));
    await writer.close();
    expect(written).toEqual([[DIGEST]]);
  });

  it('are dropped past 10,000, and sent in the order of digests, 100 at a time', async () => {
    const digests = Array.from({ length: 10_050 }, (_, i) => String(20_000 - i));
    for (const digest of digests) note(digest);
    await writer.close();
    expect(written.length).toBe(100);
    expect(new Set(written.map(({ length }) => length))).toEqual(new Set([100]));
    expect(written.flat()).toEqual(digests.slice(0, 10_000).sort());
    note('after the end');
    await writer.close();
    expect(written.length).toBe(100);
  });
});
