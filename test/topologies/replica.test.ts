import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { ERRORS } from '../support/errors.ts';
import { countByStatus } from '../support/http-client.ts';
import { login, logout, newToken } from '../support/numbered-users.ts';
import { pollFor } from '../support/polling.ts';
import { repeat } from '../support/repeat.ts';
import { User } from '../support/users.ts';
import { Apps, setUpDatabase } from './apps.ts';
import { MARIADB_PROGRAMS, type MariadbServer, replicatedPair } from './mariadb-servers.ts';
import { POSTGRES_PROGRAMS, PostgresServer } from './postgres-servers.ts';
import { describeTopology, destroyDataSource, Teardown } from './private-server.ts';

const LIMIT = 5;

/** A replica of PostgreSQL that applies commits an hour late. */
const LATE = { recovery_min_apply_delay: '1h' };

type Server = PostgresServer | MariadbServer;

/** A primary with tables and users, and a replica that has these and no later change. */
interface Pair {
  servers: [Server, Server];
  direct: DataSource;
}

const PAIRS: [string, string[], (teardown: Teardown) => Promise<Pair>][] = [
  [
    'PostgreSQL',
    POSTGRES_PROGRAMS,
    async (teardown) => {
      const stop = (server: PostgresServer): Promise<void> => server.stop();
      const primary = teardown.add(await PostgresServer.primary(), stop);
      const direct = teardown.add(await setUpDatabase(primary.options), destroyDataSource);
      const standby = teardown.add(await PostgresServer.standby(primary, LATE), stop);
      return { servers: [primary, standby], direct };
    },
  ],
  [
    'MariaDB',
    MARIADB_PROGRAMS,
    async (teardown) => {
      const stop = (server: MariadbServer): Promise<void> => server.stop();
      const [primary, replica] = await replicatedPair((server) => teardown.add(server, stop));
      const direct = teardown.add(await setUpDatabase(primary.options), destroyDataSource);
      const users = (): Promise<any[]> =>
        replica.ask('SELECT COUNT(*) AS total FROM test.users').catch(() => [{ total: 0 }]);
      const all = await direct.getRepository(User).count();
      await pollFor(users, ([{ total }]) => Number(total) === all, 20_000);
      await replica.ask('STOP SLAVE');
      await replica.ask('CHANGE MASTER TO MASTER_DELAY = 3600');
      await replica.ask('START SLAVE');
      return { servers: [primary, replica], direct };
    },
  ],
];

for (const [name, programs, start] of PAIRS) {
  describeTopology(`two applications with a ${name} replica that lags`, programs, () => {
    let servers: [Server, Server];
    let direct: DataSource;
    let plain: DataSource;
    let apps: Apps;
    const teardown = new Teardown();
    beforeAll(async () => {
      ({ servers, direct } = await start(teardown));
      const [primary, replica] = servers;
      const options = {
        type: primary.options.type,
        // Without it, mysql2 drops the primary for ever after a few failures.
        replication: {
          master: primary.options,
          slaves: [replica.options],
          ...(name === 'MariaDB' && { restoreNodeTimeout: 100 }),
        },
        connectTimeoutMS: 2_000,
      } as DataSourceOptions;
      apps = teardown.add(new Apps(2), (it) => it.stop());
      await apps.serve([options, options], { tokenLimitPerUser: LIMIT, autoRefresh: true });
      const reading = new DataSource({ ...options, entities: [User, AuthToken] });
      plain = teardown.add(await reading.initialize(), destroyDataSource);
    });
    afterAll(() => teardown.run());

    it('a new token is accepted at once, and a revoked one refused, by both', async () => {
      for (let turn = 0; turn < 10; turn++) {
        const token = await newToken(apps.at(turn), 1);
        expect(await apps.verdicts(token)).toEqual([200, 200]);
        expect((await logout(apps.at(turn), token)).status).toBe(204);
        expect(await apps.verdicts(token)).toEqual([401, 401]);
      }
    });

    it('a user who is deactivated is refused at once', async () => {
      const token = await newToken(apps.at(0), 2);
      await direct.getRepository(User).update(2, { isActive: false });
      expect((await apps.at(1).get('/me', { token })).body).toEqual(ERRORS.userInactive);
      expect((await login(apps.at(0), 2)).status).toBe(401);
    });

    it('parallel logins give as many tokens as the limit', async () => {
      const answers = await repeat(20, (index) => login(apps.at(index), 3));
      expect(countByStatus(answers)).toEqual({ 200: LIMIT, 403: 20 - LIMIT });
      const token = answers.find(({ status }) => status === 200)!.body.token;
      expect((await apps.at(1).post('/auth/logoutall', { token })).status).toBe(204);
      expect(await apps.verdicts(token)).toEqual([401, 401]);
    });

    it('a refresh is written, and an expired token is refused and deleted', async () => {
      const token = await newToken(apps.at(0), 4);
      const expire = (expiry: number): Promise<unknown> =>
        direct.query(`UPDATE knox_auth_token SET expiry = ${String(expiry)} WHERE user_id = 4`);
      const soon = Date.now() + 60_000;
      await expire(soon);
      const expiry = async (): Promise<number> =>
        Date.parse((await apps.at(1).get('/me', { token })).body.expiry as string);
      // A use is not written while another has the row locked, as the cleanup after a login may.
      expect(await pollFor(expiry, (it) => it > soon)).toBeGreaterThan(soon);
      await expire(1);
      expect(await apps.verdicts(token)).toEqual([401, 401]);
      const rows = (): Promise<number> =>
        direct.getRepository(AuthToken).countBy({ user: { id: 4 } });
      expect(await pollFor(rows, (count) => count === 0)).toBe(0);
    });

    it('nothing about tokens is asked of the replica, which knows none', async () => {
      const token = await newToken(apps.at(0), 5);
      expect(await apps.verdicts(token)).toEqual([200, 200]);
      expect(servers[1].statements).not.toMatch(/FROM.*knox_auth_token/);
      expect(servers[0].statements).toMatch(/FROM.*knox_auth_token/);
      // A repository of the application does ask the replica.
      expect(await direct.getRepository(AuthToken).count()).toBeGreaterThan(0);
      expect(await plain.getRepository(AuthToken).count()).toBe(0);
      expect(await plain.getRepository(User).countBy({ id: 2, isActive: true })).toBe(1);
      expect(servers[1].statements).toMatch(/FROM.*knox_auth_token/);
    });

    it('while the primary is down, every request is a 503, and works once it is back', async () => {
      const token = await newToken(apps.at(0), 6);
      await direct.destroy();
      await servers[0].kill();
      for (let turn = 0; turn < 8; turn++) {
        const answers = await Promise.all([
          apps.at(0).get('/me', { token }),
          apps.at(1).get('/me', { token }),
          login(apps.at(turn), 6),
          logout(apps.at(turn), token),
        ]);
        for (const { body } of answers) expect(body).toEqual(ERRORS.unavailable);
      }
      await servers[0].resume();
      const all200 = (verdicts: number[]): boolean => verdicts.every((status) => status === 200);
      const verdicts = await pollFor(() => apps.verdicts(token), all200, 10_000);
      expect(verdicts).toEqual([200, 200]);
      expect((await logout(apps.at(0), token)).status).toBe(204);
      expect(await apps.verdicts(token)).toEqual([401, 401]);
    });
  });
}
