import { Controller, Get, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CurrentToken, CurrentUser, KnoxAuthGuard } from '../../lib/index.ts';
import { STAGES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startRealmApp, type RealmApp } from '../support/realm-app.ts';
import { SqlLog } from '../support/sql-log.ts';

const who = (user: { username: string }, token: object) => ({
  username: user.username,
  kind: user.constructor.name,
  token: token.constructor.name,
});

@Controller('passport')
class PassportController {
  @Get('api')
  @UseGuards(AuthGuard('knox'))
  api(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who(user, token);
  }

  @Get('staff')
  @UseGuards(AuthGuard('knox-staff'))
  staff(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who(user, token);
  }

  @Get('both')
  @UseGuards(AuthGuard(['knox', 'knox-staff']))
  both(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who(user, token);
  }

  @Get('both-staff-first')
  @UseGuards(AuthGuard(['knox-staff', 'knox']))
  bothStaffFirst(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who(user, token);
  }

  @Get('staff-then-api')
  @UseGuards(AuthGuard('knox-staff'), KnoxAuthGuard)
  staffThenApi(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who(user, token);
  }
}

const JOHN = { username: 'john.doe', kind: 'User', token: 'AuthToken' };
const BOB = { username: 'bob', kind: 'Staff', token: 'StaffToken' };

describe.each(STAGES)("Passport's strategies of two realms on %s over %s", (database, adapter) => {
  let test: RealmApp;
  let api: string;
  let staff: string;
  beforeAll(async () => {
    test = await startRealmApp({
      database,
      adapter,
      controllers: [PassportController],
      staff: {
        extractToken: ({ headers }) => (headers['x-staff'] as string | undefined) ?? null,
      },
    });
  });
  beforeEach(async () => {
    ({ token: api } = await test.tokens.create(test.john));
    ({ token: staff } = await test.staffTokens.create(test.bob));
  });
  afterEach(async () => {
    await test.tokens.revokeAll(test.john);
    await test.staffTokens.revokeAll(test.bob);
  });
  afterAll(() => test.close());

  const get = async (path: string, { token = '', staffToken = '' } = {}) => {
    const headers = {
      ...(token !== '' && { authorization: `Token ${token}` }),
      ...(staffToken !== '' && { 'x-staff': staffToken }),
    };
    const { status, body } = await test.client.get(`/passport/${path}`, { headers });
    return [status, body];
  };

  it('ask their own realm', async () => {
    expect(await get('api', { token: api })).toEqual([200, JOHN]);
    expect(await get('staff', { staffToken: staff })).toEqual([200, BOB]);
    const forged = { staffToken: `st_${'f'.repeat(64)}` };
    expect(await get('staff', forged)).toEqual([401, ERRORS.invalidToken]);
  });

  it('refuse the tokens of the other realm', async () => {
    expect((await get('api', { token: staff }))[0]).toBe(401);
    expect((await get('staff', { staffToken: api }))[0]).toBe(401);
    expect((await get('staff', { token: staff }))[0]).toBe(401);
  });

  it.each(['both', 'both-staff-first'])(
    'leave a token to the strategy of its realm: %s',
    async (path) => {
      const sql = new SqlLog(test.dataSource);
      expect(await get(path, { token: api })).toEqual([200, JOHN]);
      expect(await get(path, { staffToken: staff })).toEqual([200, BOB]);
      expect(sql.reads).toHaveLength(2);
    },
  );

  it('give a request two results where two realms are asked', async () => {
    const sql = new SqlLog(test.dataSource);
    expect(await get('staff-then-api', { token: api, staffToken: staff })).toEqual([200, JOHN]);
    expect(sql.reads).toHaveLength(2);
    expect(await get('staff-then-api', { staffToken: staff })).toEqual([
      401,
      ERRORS.notAuthenticated,
    ]);
  });
});
