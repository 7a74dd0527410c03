import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthToken, KnoxAuthGuard, KnoxController } from '../../lib/index.ts';
import { PASSWORD, startApp } from '../support/app.ts';
import { STAGES } from '../support/databases.ts';
import { countByStatus, type Answer } from '../support/http-client.ts';
import { repeat } from '../support/repeat.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { User } from '../support/users.ts';

const CREDENTIALS = { username: 'john.doe', password: PASSWORD };

describe.each(STAGES)('reauthentication on %s with %s', (database, adapter) => {
  let test: SessionApp;
  let serialize: (() => object) | undefined;
  beforeAll(async () => {
    const knox = { lastUsedInterval: 0, userSerializer: () => serialize?.() };
    test = await startSessionApp({ database, adapter, knox });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    serialize = undefined;
    await test.rows.clear();
  });

  const reauthenticate = (token: string, body: unknown = CREDENTIALS): Promise<Answer> =>
    test.client.post('/auth/reauthenticate', { token, body });
  const get = async (path: string, token: string): Promise<number> =>
    (await test.client.get(path, { token })).status;

  it('gives the same session a new token and a new time', async () => {
    const options = { name: 'laptop', ttl: '2h', abilities: ['orders:read'] } as const;
    const { token, authToken } = await test.tokens.create(test.john, options);
    const created = new Date(Date.now() - 3_600_000);
    const expiry = new Date(Date.now() + 3_600_000);
    await test.rows.update({ digest: authToken.digest }, { created, expiry });
    const before = Date.now();
    const { status, headers, body } = await reauthenticate(token);
    expect([status, Object.keys(body).sort()]).toEqual([200, ['expiry', 'token']]);
    expect(headers['cache-control']).toBe('no-store');
    const [row, ...others] = await test.rows.find();
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      created,
      name: 'laptop',
      ttl: 7_200_000,
      abilities: ['orders:read'],
    });
    expect(row!.tokenKey).toBe(body.token.slice(0, 15));
    expect(row!.digest).not.toBe(authToken.digest);
    expect(+row!.expiry! - before).toBeGreaterThanOrEqual(7_200_000);
    expect(body.expiry).toBe(row!.expiry!.toISOString());
    expect(+row!.authenticated!).toBeGreaterThanOrEqual(before);
    expect(await get('/orders', token)).toBe(401);
    expect(await get('/orders', body.token)).toBe(200);
    expect(await get('/orders/unnamed', body.token)).toBe(403);
  });

  it('lets a session that never expires go on for ever', async () => {
    const { token } = await test.tokens.create(test.john, { ttl: null });
    expect((await reauthenticate(token)).body.expiry).toBeNull();
  });

  it('opens a route that asks for a fresh login', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    const created = new Date(Date.now() - 601_000);
    await test.rows.update({ digest: authToken.digest }, { created });
    const answer = await test.client.get('/orders/fresh', { token });
    expect(answer).toMatchObject({
      status: 403,
      body: {
        statusCode: 403,
        message: 'Please confirm who you are.',
        error: 'Forbidden',
        code: 'reauthentication_required',
      },
    });
    expect(answer.headers['www-authenticate']).toBe(
      'Token realm="api", error="insufficient_user_authentication", max_age=600',
    );
    expect(await get('/orders/unnamed', token)).toBe(200);
    const { body } = await reauthenticate(token);
    expect(await get('/orders/fresh', body.token)).toBe(200);
    const [row] = await test.rows.find();
    await test.rows.update({ digest: row!.digest }, { authenticated: created });
    expect(await get('/orders/fresh', body.token)).toBe(403);
  });

  it.each([
    ['of another user', { username: 'jane.doe', password: PASSWORD }],
    ['that are wrong', { username: 'john.doe', password: 'wrong' }],
    ['of nobody', { username: 'nobody', password: PASSWORD }],
  ])('refuses credentials %s, and changes nothing', async (_, body) => {
    const { token } = await test.tokens.create(test.john);
    const rows = await test.rows.find();
    const answer = await reauthenticate(token, body);
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
    expect(answer.headers['www-authenticate']).toBe('Token realm="api"');
    const [row] = await test.rows.find();
    expect(row).toMatchObject({ digest: rows[0]!.digest, expiry: rows[0]!.expiry });
    expect(row!.authenticated).toBeNull();
    expect(await get('/me', token)).toBe(200);
  });

  it('refuses a request without credentials, and one without a token', async () => {
    const { token } = await test.tokens.create(test.john);
    const sentNothing = await test.client.post('/auth/reauthenticate', { token });
    expect(sentNothing).toMatchObject({ status: 401, body: { code: 'not_authenticated' } });
    expect((await reauthenticate(token, { username: 'john.doe' })).status).toBe(400);
    const anonymous = await test.client.post('/auth/reauthenticate', { body: CREDENTIALS });
    expect(anonymous).toMatchObject({ status: 401, body: { code: 'not_authenticated' } });
    const basic = await test.client.post('/auth/reauthenticate', { basic: ['john.doe', PASSWORD] });
    expect(basic.status).toBe(401);
    expect(await get('/me', token)).toBe(200);
  });

  it('of two at once lets one win', async () => {
    for (let round = 0; round < 5; round++) {
      const { token } = await test.tokens.create(test.john);
      const answers = await repeat(4, () => reauthenticate(token));
      expect(countByStatus(answers)).toEqual({ 200: 1, 401: 3 });
      for (const { status, body } of answers) {
        if (status === 401) expect(body.code).toBe('invalid_token');
        else expect(await get('/me', body.token)).toBe(200);
      }
      expect(await get('/me', token)).toBe(401);
      expect(await test.rows.count()).toBe(round + 1);
    }
  });

  it('beside a logout of all leaves nothing', async () => {
    for (let round = 0; round < 5; round++) {
      const [one, other] = [
        (await test.tokens.create(test.john)).token,
        (await test.tokens.create(test.john)).token,
      ];
      const [answer, logout] = await Promise.all([
        reauthenticate(one),
        test.client.post('/auth/logoutall', { token: other }),
      ]);
      expect(logout.status).toBe(204);
      expect([200, 401]).toContain(answer.status);
      expect(await test.rows.count()).toBe(0);
    }
  });

  it('beside a logout of the same token: a 204 means that the session is over', async () => {
    for (let round = 0; round < 20; round++) {
      await test.rows.clear();
      const { token } = await test.tokens.create(test.john);
      const [answer, logout] = await Promise.all([
        reauthenticate(token),
        // It may come late: its token is looked up before the other's UPDATE, and deleted after it.
        sleep(round % 10).then(() => test.client.post('/auth/logout', { token })),
      ]);
      expect([answer.status, logout.status].sort()).toEqual(
        answer.status === 200 ? [200, 401] : [204, 401],
      );
      expect(await test.rows.count()).toBe(answer.status === 200 ? 1 : 0);
    }
  });

  it('ends the session if its answer cannot be made', async () => {
    const { token } = await test.tokens.create(test.john);
    serialize = () => {
      throw new Error('not to be had');
    };
    expect((await reauthenticate(token)).status).toBe(500);
    expect(await test.rows.count()).toBe(0);
    expect(await get('/me', token)).toBe(401);
  });

  it('of a token that is gone or expired is a 401', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    await test.rows.update({ digest: authToken.digest }, { expiry: new Date(Date.now() - 1) });
    expect((await reauthenticate(token)).body.code).toBe('invalid_token');
    expect((await reauthenticate('f'.repeat(64))).body.code).toBe('invalid_token');
  });

  it('is seen by no refresh and no last use that holds the old token', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    expect(await get('/me', token)).toBe(200);
    const { body } = await reauthenticate(token);
    await expect(test.tokens.refresh(authToken)).rejects.toMatchObject({ code: 'invalid_token' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [row, ...others] = await test.rows.find();
    expect(others).toEqual([]);
    expect(row!.tokenKey).toBe(body.token.slice(0, 15));
  });

  describe('where another table refers to the digest', () => {
    const REFERENCES = { cascades: ' ON UPDATE CASCADE', refuses: '' };

    /** MariaDB wants the same collation on both sides. */
    async function typeOfDigest(): Promise<string> {
      if (database !== 'mariadb') return 'varchar(128)';
      const [{ collation }] = await test.dataSource.query(
        `SELECT collation_name AS collation FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = 'knox_auth_token' AND column_name = 'digest'`,
      );
      return `varchar(128) COLLATE ${String(collation)}`;
    }
    const refer = async (rule: keyof typeof REFERENCES): Promise<unknown> =>
      test.dataSource.query(
        `CREATE TABLE notes (digest ${await typeOfDigest()} NOT NULL,
         FOREIGN KEY (digest) REFERENCES knox_auth_token (digest)${REFERENCES[rule]})`,
      );
    const note = (digest: string): Promise<unknown> =>
      test.dataSource.query(`INSERT INTO notes (digest) VALUES ('${digest}')`);

    it.each([
      ['cascades', 200],
      ['refuses', 503],
    ] as const)('and %s, is a %i', async (rule, status) => {
      await refer(rule);
      try {
        const { token, authToken } = await test.tokens.create(test.john);
        await note(authToken.digest);
        const answer = await reauthenticate(token);
        expect(answer.status).toBe(status);
        const [row] = await test.rows.find();
        const notes = await test.dataSource.query('SELECT digest FROM notes');
        expect(notes).toEqual([{ digest: row!.digest }]);
        expect(await get('/me', token)).toBe(status === 200 ? 401 : 200);
        if (status === 200) expect(await get('/me', answer.body.token)).toBe(200);
      } finally {
        await test.dataSource.query('DROP TABLE notes');
      }
    });
  });
});

@Controller('mine')
class OwnController extends KnoxController {}

@Injectable()
class TrustingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user: unknown; authToken: AuthToken }>();
    request.user = request.authToken.user;
    return true;
  }
}

describe('reauthentication', () => {
  it.each([
    ['the controller of the package', { controller: true }, '/auth', false],
    ['a controller of the application', { controller: false }, '/mine', false],
    ['a guard for all routes', { controller: true }, '/auth', true],
  ])('is no route without the column, with %s', async (_, knox, path, isGuarded) => {
    const test = await startApp({
      knox,
      entities: [User, AuthToken],
      controllers: knox.controller ? [] : [OwnController],
      providers: isGuarded ? [{ provide: APP_GUARD, useClass: KnoxAuthGuard }] : [],
    });
    try {
      const { token } = await test.tokens.create(test.john);
      for (const sent of [{ token }, {}, { token: 'unknown' }]) {
        const unknown = await test.client.post(`${path}/unknown`, { ...sent, body: CREDENTIALS });
        const answer = await test.client.post(`${path}/reauthenticate`, {
          ...sent,
          body: CREDENTIALS,
        });
        expect(answer.status).toBe(404);
        expect(answer.text).toBe(unknown.text.replace('unknown', 'reauthenticate'));
        expect(Object.keys(answer.headers)).toEqual(Object.keys(unknown.headers));
      }
    } finally {
      await test.close();
    }
  });

  it('takes no user that the token itself has brought', async () => {
    const test = await startSessionApp({ knox: { loginGuards: [TrustingGuard] } });
    try {
      const { token } = await test.tokens.create(test.john);
      const answer = await test.client.post('/auth/reauthenticate', { token });
      expect(answer).toMatchObject({ status: 401, body: { code: 'not_authenticated' } });
      expect((await test.client.get('/me', { token })).status).toBe(200);
    } finally {
      await test.close();
    }
  });
});
