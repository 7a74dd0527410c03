import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { COMMIT } from '../support/proxy.ts';
import { GeneratedColumnToken } from '../support/generated-column-token.ts';
import { User } from '../support/users.ts';

describeOnServers('a login on %s whose commit is never acknowledged', (database) => {
  let test: FaultyApp;
  let serialize: (() => Promise<never>) | undefined;
  beforeAll(async () => {
    test = await startFaultyApp({
      database,
      knox: { tokenLimitPerUser: 10, userSerializer: () => serialize?.() },
    });
  });
  afterAll(() => test.close());
  afterEach(async () => {
    serialize = undefined;
    test.proxy.thaw();
    await test.direct.query('DELETE FROM knox_auth_token');
  });

  const noRows = () => pollFor(test.rows, (rows) => rows === 0);
  const isRefused = async () => {
    const { status, body } = await test.login();
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
  };

  it('leaves no token, though the commit was done', async () => {
    const committed = test.proxy.swallowReplyTo(COMMIT);
    await Promise.all([committed, isRefused()]);
    expect(await noRows()).toBe(0);
  });

  it('leaves none if the connection breaks before the answer', async () => {
    const committed = test.proxy.breakAfter(COMMIT);
    await Promise.all([committed, isRefused()]);
    expect(await noRows()).toBe(0);
  });

  it('leaves none once the database is back, if it was gone meanwhile', async () => {
    // All connections: the deletion must not find one that is open.
    const committed = test.proxy.breakAfter(COMMIT).then(() => test.proxy.shutDown());
    await Promise.all([committed, isRefused()]);
    expect(await pollFor(test.rows, (rows) => rows === 1)).toBe(1);
    await test.proxy.accept();
    expect(await noRows()).toBe(0);
  });

  it('leaves none if the commit arrives only after the deletion', async () => {
    const held = test.proxy.holdAt(COMMIT);
    await Promise.all([held, isRefused()]);
    await test.proxy.quiet(150);
    test.proxy.thaw();
    await test.proxy.quiet(150);
    expect(await noRows()).toBe(0);
  });

  it('leaves none if the connection breaks, and the commit arrives after the deletion', async () => {
    const deletion = test.proxy.breakAt(COMMIT).then(() => test.proxy.sees(/DELETE/));
    await Promise.all([deletion, isRefused()]);
    // On PostgreSQL the row is not visible yet; on MariaDB the DELETE waits for it.
    await test.proxy.quiet(50);
    test.proxy.thaw();
    await test.proxy.quiet(150);
    // The second DELETE comes when the COMMIT can no longer arrive: after twice `authTimeout` and a second.
    expect(await pollFor(test.rows, (rows) => rows === 0, 8_000)).toBe(0);
  });

  it('leaves none if the answer fails when the database is gone', async () => {
    serialize = async () => {
      test.proxy.shutDown();
      throw new Error('not to be had');
    };
    expect((await test.login()).status).toBeGreaterThanOrEqual(500);
    expect(await test.rows()).toBe(1);
    await test.proxy.accept();
    expect(await noRows()).toBe(0);
  });
});

describeOnServers('a login on %s that gets no answer', (database) => {
  let test: FaultyApp;
  afterEach(() => test.close());

  it('leaves no token where a saved row is read back', async () => {
    const knox = { tokenEntity: GeneratedColumnToken };
    test = await startFaultyApp({ database, entities: [User, GeneratedColumnToken], knox });
    const readBack = test.proxy
      .sees(COMMIT)
      .then(() => test.proxy.swallowReplyTo(/SELECT.*platform/));
    const answer = await test.login();
    await readBack;
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
    expect(await pollFor(test.rows, (rows) => rows === 0)).toBe(0);
  });

  it('leaves no token if the application closes at once', async () => {
    test = await startFaultyApp({ database });
    const committed = test.proxy.swallowReplyTo(COMMIT);
    const answer = await test.login();
    await committed;
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
    await test.app.close();
    expect(await test.rows()).toBe(0);
  });
});
