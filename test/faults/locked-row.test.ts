import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { pollFor } from '../support/polling.ts';
import { POOL_SIZE, startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { COMMIT } from '../support/proxy.ts';

const START = Date.UTC(2026, 10, 25);
const HOUR = 3_600_000;

/** Locks the rows as an application does that updates its own column, such as "last seen". */
const LOCK = 'UPDATE knox_auth_token SET token_key = token_key WHERE digest = ';

/** How many connections wait for a row that they want to delete. */
const WAITING_DELETIONS = {
  postgres:
    'SELECT COUNT(*) AS total FROM pg_stat_activity ' +
    "WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DELETE %'",
  mariadb:
    'SELECT COUNT(*) AS total FROM information_schema.processlist ' +
    "WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '%DELETE FROM%'",
};

describeOnServers('a token whose row others hold locked, on %s', (database) => {
  let test: FaultyApp;
  let holder: QueryRunner;
  let token: string;
  beforeEach(async () => {
    test = await startFaultyApp({
      database,
      knox: { tokenTtl: '1h', autoRefresh: true, minRefreshInterval: 0, tokenLimitPerUser: 1 },
    });
    freezeTime(START);
    token = await test.newToken();
    holder = await test.lockingConnection();
    await holder.startTransaction();
    const [row] = await test.direct.getRepository(AuthToken).find();
    await holder.query(`${LOCK}'${row!.digest}'`);
  });
  afterEach(async () => {
    restoreTime();
    if (holder.isTransactionActive) await holder.rollbackTransaction();
    await test.close();
  });

  const expiry = async () => {
    const [row] = await test.direct.getRepository(AuthToken).findBy({
      tokenKey: token.slice(0, 15),
    });
    return row!.expiry!.getTime();
  };
  const waitingDeletions = async () => {
    const [row] = await test.direct.query(WAITING_DELETIONS[database]);
    return Number(row.total);
  };
  const others = async () => (await test.tokens.create(test.john, { limit: null })).token;

  it('is good, and waits for nobody: its refresh is skipped', async () => {
    freezeTime(START + 1);
    const answers = await Promise.all(Array.from({ length: 3 * POOL_SIZE }, () => test.me(token)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await expiry()).toBe(START + HOUR);
    expect(test.log.errors).toEqual([]);
    await holder.commitTransaction();
    freezeTime(START + 2);
    expect((await test.me(token)).status).toBe(200);
    expect(await expiry()).toBe(START + 2 + HOUR);
  });

  it('is not refreshed once a login has taken its place', async () => {
    freezeTime(START + HOUR - 1);
    const using = test.me(token);
    expect((await using).status).toBe(200);
    freezeTime(START + HOUR);
    expect((await test.login()).status).toBe(200);
    await holder.commitTransaction();
    expect(await test.tokens.list(test.john)).toHaveLength(1);
  });

  it('is not refreshed if it expires while its refresh waits', async () => {
    await holder.rollbackTransaction();
    freezeTime(START + HOUR - 1);
    const atRow = test.proxy.holdAt(/SKIP LOCKED/);
    const using = test.me(token);
    await atRow;
    // From now on, a login does not count it.
    freezeTime(START + HOUR);
    test.proxy.thaw();
    expect((await using).status).toBe(200);
    expect(await expiry()).toBe(START + HOUR);
  });

  it('is counted by a login that meets its refresh, even if it would have run out meanwhile', async () => {
    await holder.rollbackTransaction();
    freezeTime(START + HOUR - 1);
    const atUpdate = test.proxy.holdAt(/UPDATE .*knox_auth_token/);
    const using = test.me(token);
    await atUpdate;
    freezeTime(START + HOUR);
    const logins = Promise.all([test.login(), test.login()]);
    await test.proxy.quiet(100);
    test.proxy.thaw();
    expect((await using).body.expiry).toBe(new Date(START + 2 * HOUR - 1).toISOString());
    expect((await logins).map(({ status }) => status)).toEqual([403, 403]);
    expect(await test.tokens.list(test.john)).toHaveLength(1);
  });

  it('is counted by a login that comes before the COMMIT of its refresh', async () => {
    await holder.rollbackTransaction();
    // Longer than a refresh may take, and shorter than the time that its COMMIT may be under way.
    freezeTime(START + HOUR - 900);
    const atCommit = test.proxy.holdAt(COMMIT);
    const using = test.me(token);
    await atCommit;
    freezeTime(START + HOUR);
    const login = test.login();
    expect((await using).status).toBe(200);
    await login;
    test.proxy.thaw();
    await test.proxy.quiet(200);
    expect((await test.tokens.list(test.john)).length).toBeLessThanOrEqual(1);
  });

  it('is refreshed by one of many uses where their owner is locked; the others wait for nothing', async () => {
    await holder.rollbackTransaction();
    freezeTime(START + HOUR - 1);
    const atInsert = test.proxy.holdAt(/INSERT/);
    const creating = test.tokens.create(test.john, { limit: 2 });
    await atInsert;
    const refreshes = test.proxy.count(/SKIP LOCKED/);
    let answered = 0;
    const uses = Array.from({ length: 20 }, () => test.me(token).finally(() => answered++));
    await pollFor(
      () => Promise.resolve(answered),
      (count) => count === uses.length - 1,
    );
    expect(answered).toBe(uses.length - 1);
    const answers = await Promise.all(uses);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(test.log.errors).toEqual(['A token could not be refreshed: No answer within 500 ms.']);
    test.proxy.thaw();
    await creating;
    expect(refreshes()).toBe(0);
    expect((await test.me(token)).status).toBe(200);
    expect(await expiry()).toBe(START + 2 * HOUR - 1);
  });

  it('keeps one connection busy, however many log it out, and others go on', async () => {
    const other = await others();
    const logout = () => test.client.post('/auth/logout', { token });
    const flood = Array.from({ length: 3 * POOL_SIZE }, logout);
    await pollFor(test.serverConnections, (count) => count > 2);
    const uses = await Promise.all(Array.from({ length: 10 }, () => test.me(other)));
    expect(uses.map(({ status }) => status)).toEqual(uses.map(() => 200));
    const waiting = await pollFor(waitingDeletions, (count) => count > 1, 500);
    expect(waiting).toBeLessThanOrEqual(1);
    const answers = await Promise.all(flood);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    // Each of these waits for the row on its own connection.
    for (let round = 0; round < POOL_SIZE; round++) expect((await logout()).status).toBe(503);
    // Only the holder's connection and the pool's are left: no statement waits longer than the application.
    const most = POOL_SIZE + 1;
    const settled = await pollFor(test.serverConnections, (count) => count <= most, 5_000);
    expect(settled).toBeLessThanOrEqual(most);
    await holder.commitTransaction();
    await pollFor(
      async () => (await test.me(token)).status,
      (status) => status === 401,
    );
    expect((await test.me(other)).status).toBe(200);
  });
});
