import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { createDatabase } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { login, logout, newToken } from '../support/numbered-users.ts';
import { pollFor } from '../support/polling.ts';
import { AUTH_TIMEOUT_MS, startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { countByStatus, type Answer } from '../support/http-client.ts';
import { lockTokens } from '../support/lock-tokens.ts';
import { repeat } from '../support/repeat.ts';
import { Apps, setUpDatabase } from './apps.ts';
import { PgBouncer } from './pgbouncer.ts';
import { describeTopology, destroyDataSource, Teardown } from './private-server.ts';

const NEEDS = ['postgres server', 'pgbouncer'];

/** Connections of PgBouncer to the server, for one database. */
const SERVER_CONNECTIONS = 3;

const WAITING = `SELECT COUNT(*) AS total FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`;

async function waiting(direct: DataSource): Promise<number> {
  return Number((await direct.query(WAITING))[0].total);
}

describeTopology('an application behind PgBouncer', NEEDS, () => {
  let bouncer: PgBouncer;
  let test: FaultyApp;
  let token: string;
  const teardown = new Teardown();
  beforeAll(async () => {
    bouncer = teardown.add(await PgBouncer.start(SERVER_CONNECTIONS), (it) => it.stop());
    const knox = { tokenLimitPerUser: 100 };
    const app = await startFaultyApp({ database: 'postgres', pooler: bouncer, knox });
    test = teardown.add(app, (it) => it.close());
    token = await test.newToken();
  });
  afterAll(() => teardown.run());

  const requests: (() => Promise<Answer>)[] = [
    () => test.me(token),
    () => test.login(),
    () => test.client.post('/auth/logout', { token }),
    () => test.client.post('/auth/logoutall', { token }),
  ];

  const areUnavailable = async (): Promise<void> => {
    const answers = await Promise.all(requests.map((send) => send()));
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([503, ERRORS.unavailable]);
    }
  };

  const worksAgain = async (): Promise<void> => {
    const answer = await pollFor(
      () => test.me(token),
      ({ status }) => status === 200,
    );
    expect(answer.status).toBe(200);
    const session = await test.login();
    expect(session.status).toBe(200);
    const ended = session.body.token as string;
    expect((await test.client.post('/auth/logout', { token: ended })).status).toBe(204);
    expect((await test.me(ended)).body).toEqual(ERRORS.invalidToken);
  };

  it('every request is a 503 while it is gone, and works once it is back', async () => {
    await bouncer.kill();
    await areUnavailable();
    await areUnavailable();
    await bouncer.resume();
    await worksAgain();
  });

  it('every request is a 503 while others have all connections to the server', async () => {
    const others = await new DataSource({
      ...test.direct.options,
      host: bouncer.host,
      port: bouncer.port,
      entities: [],
      synchronize: false,
      poolSize: SERVER_CONNECTIONS,
    } as DataSourceOptions).initialize();
    const runners = await repeat(SERVER_CONNECTIONS, async () => {
      const runner = others.createQueryRunner();
      await runner.startTransaction();
      return runner;
    });
    await areUnavailable();
    await Promise.all(runners.map((runner) => runner.rollbackTransaction()));
    await others.destroy();
    await worksAgain();
  });

  it('a statement that is given up at the deadline is cancelled on the server', async () => {
    const unlock = await lockTokens('postgres', test.direct);
    try {
      for (let round = 0; round < 3; round++) {
        await areUnavailable();
        expect(
          await pollFor(
            () => waiting(test.direct),
            (count) => count === 0,
          ),
        ).toBe(0);
      }
    } finally {
      await unlock();
    }
    await worksAgain();
  });
});

describeTopology('two applications that share connections to the server', NEEDS, () => {
  let direct: DataSource;
  let hasty: Apps;
  let calm: Apps;
  const teardown = new Teardown();
  beforeAll(async () => {
    hasty = teardown.add(new Apps(1), (it) => it.stop());
    calm = teardown.add(new Apps(1), (it) => it.stop());
    const database = teardown.add(await createDatabase('postgres'), (it) => it.drop());
    direct = teardown.add(await setUpDatabase(database.options), destroyDataSource);
    const bouncer = teardown.add(await PgBouncer.start(SERVER_CONNECTIONS), (it) => it.stop());
    const { host, port } = bouncer;
    const options = { ...database.options, host, port } as DataSourceOptions;
    await hasty.serve([options], { authTimeout: AUTH_TIMEOUT_MS });
    await calm.serve([options], { authTimeout: '20s' });
  });
  afterAll(() => teardown.run());

  it('one application never cancels a query of the other', async () => {
    const token = await newToken(calm.at(0), 2);
    const traffic = { flows: true };
    const answers: Answer[] = [];
    const flow = repeat(4, async () => {
      while (traffic.flows) answers.push(await calm.at(0).get('/me', { token }));
    });
    const logouts: Answer[] = [];
    for (let round = 0; round < 12; round++) {
      const victim = await newToken(calm.at(0), 1);
      const runner = direct.createQueryRunner();
      await runner.startTransaction();
      await runner.query('SELECT * FROM knox_auth_token WHERE user_id = 1 FOR UPDATE');
      const sent = logout(hasty.at(0), victim);
      // Unlock just before the deadline, at it and just after it: then the cancel request may come too late.
      await sleep(AUTH_TIMEOUT_MS - 20 + 5 * (round % 6));
      await runner.rollbackTransaction();
      await runner.release();
      logouts.push(await sent);
    }
    traffic.flows = false;
    await flow;
    expect(Object.keys(countByStatus(answers))).toEqual(['200']);
    expect(answers.length).toBeGreaterThan(100);
    expect(countByStatus(logouts)[503]).toBeGreaterThan(0);
    expect((await login(hasty.at(0), 1)).status).toBe(200);
  });
});
