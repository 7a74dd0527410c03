import { Controller, Get, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
} from '../../lib/index.ts';
import { Public } from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';

/** Answers with the user on the request. */
const who = (user: User | undefined): object => ({ user: user?.username ?? null });

class StricterGuard extends KnoxAuthGuard {}

@Controller('open')
@Public()
class OpenController {
  @Get('plain')
  plain(@CurrentUser() user?: User): object {
    return who(user);
  }

  @Get('closed')
  @UseGuards(KnoxAuthGuard)
  closed(@CurrentUser() user?: User): object {
    return who(user);
  }

  @Get('stricter')
  @UseGuards(StricterGuard)
  stricter(@CurrentUser() user?: User): object {
    return who(user);
  }

  @Get('optional')
  @UseGuards(OptionalKnoxAuthGuard)
  optional(@CurrentUser() user?: User, @CurrentToken() token?: object): object {
    return { ...who(user), hasToken: token !== undefined };
  }
}

@Controller('closed')
class ClosedController {
  @Get('plain')
  plain(@CurrentUser() user?: User): object {
    return who(user);
  }

  @Get('open')
  @Public()
  open(@CurrentUser() user?: User): object {
    return who(user);
  }

  @Get('twice')
  @UseGuards(KnoxAuthGuard, OptionalKnoxAuthGuard, StricterGuard)
  twice(@CurrentUser() user?: User): object {
    return who(user);
  }
}

@Controller('guarded')
@UseGuards(KnoxAuthGuard)
class GuardedController {
  @Get('open')
  @Public()
  open(@CurrentUser() user?: User): object {
    return who(user);
  }
}

const CLOSED = ['/me', '/closed/plain', '/closed/twice', '/open/closed', '/open/stricter'];
const OPEN = ['/open/plain', '/closed/open', '/guarded/open'];

describe.each<AdapterName>(['express', 'fastify'])('a global KnoxAuthGuard on %s', (adapter) => {
  let test: TestApp;
  let token: string;
  let sql: SqlLog;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      controllers: [OpenController, ClosedController, GuardedController],
      providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }],
    });
  });
  beforeEach(async () => {
    ({ token } = await test.tokens.create(test.john));
    sql = new SqlLog(test.dataSource);
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  it.each(CLOSED)('closes %s', async (path) => {
    const none = await test.client.get(path);
    expect([none.status, none.body]).toEqual([401, ERRORS.notAuthenticated]);
    expect(none.headers['www-authenticate']).toBe(CHALLENGES.token);
    const bad = await test.client.get(path, { token: 'f'.repeat(64) });
    expect([bad.status, bad.body]).toEqual([401, ERRORS.invalidToken]);
    const good = await test.client.get(path, { token });
    expect([good.status, good.body.user ?? good.body.username]).toEqual([200, 'john.doe']);
  });

  it.each(CLOSED)('looks the token up once for %s, and writes nothing', async (path) => {
    expect((await test.client.get(path, { token })).status).toBe(200);
    expect(sql.statements).toEqual([expect.stringMatching(/^SELECT/)]);
  });

  it.each(OPEN)('leaves %s open to all, and reads no token there', async (path) => {
    for (const sending of [{}, { token: 'f'.repeat(64) }, { token }]) {
      const { status, body, headers } = await test.client.get(path, sending);
      expect([status, body]).toEqual([200, { user: null }]);
      expect(headers['www-authenticate']).toBeUndefined();
    }
    expect(sql.statements).toEqual([]);
  });

  it('looks the token up for each request', async () => {
    await test.client.get('/closed/plain', { token });
    await test.client.get('/closed/plain', { token });
    expect(sql.reads).toHaveLength(2);
  });

  it('leaves the login open, and closes the logout', async () => {
    const login = await test.client.post('/auth/login', { body: JOHN });
    expect(login.status).toBe(200);
    for (const path of ['/auth/logout', '/auth/logoutall']) {
      const { status, body } = await test.client.post(path);
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    }
    sql.clear();
    const { token: mine } = login.body;
    expect((await test.client.post('/auth/logout', { token: mine })).status).toBe(204);
    expect(sql.reads).toHaveLength(1);
    expect(sql.writes).toEqual([expect.stringMatching(/^DELETE/)]);
  });

  describe('beside an OptionalKnoxAuthGuard', () => {
    it('passes a request without credentials, without a user', async () => {
      for (const sent of [undefined, 'Bearer x', '']) {
        const headers: Record<string, string> = sent === undefined ? {} : { authorization: sent };
        const { status, body } = await test.client.get('/open/optional', { headers });
        expect([status, body]).toEqual([200, { user: null, hasToken: false }]);
      }
    });

    it('passes a good token with its user', async () => {
      const { status, body } = await test.client.get('/open/optional', { token });
      expect([status, body]).toEqual([200, { user: 'john.doe', hasToken: true }]);
    });

    it.each([
      ['unknown token', 'Token ffff', ERRORS.invalidToken, CHALLENGES.badToken],
      ['scheme without a token', 'Token', ERRORS.emptyHeader, CHALLENGES.token],
      ['two tokens', 'Token a b', ERRORS.ambiguousHeader, CHALLENGES.badToken],
    ])('refuses bad credentials: %s', async (_, authorization, error, challenge) => {
      const { status, body, headers } = await test.client.get('/open/optional', {
        headers: { authorization },
      });
      expect([status, body]).toEqual([401, error]);
      expect(headers['www-authenticate']).toBe(challenge);
    });

    it('refuses an inactive user', async () => {
      await test.users.update(test.john.id, { isActive: false });
      const { status, body } = await test.client.get('/open/optional', { token });
      expect([status, body]).toEqual([401, ERRORS.userInactive]);
      await test.users.update(test.john.id, { isActive: true });
    });
  });
});
