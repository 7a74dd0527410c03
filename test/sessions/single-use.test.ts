import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { SessionToken, TokenService } from '../../lib/index.ts';
import { startApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { repeat } from '../support/repeat.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { User } from '../support/users.ts';

describe.each(DATABASES)('consume on %s', (database) => {
  let test: SessionApp;
  beforeAll(async () => {
    test = await startSessionApp({ database });
  });
  afterAll(() => test.close());
  beforeEach(() => test.rows.clear());

  const linkFor = (...abilities: string[]) => test.tokens.create(test.john, { abilities });

  it('gives the user and the token once', async () => {
    const { token, authToken } = await linkFor('mail:confirm');
    const found = await test.tokens.consume(token, { ability: 'mail:confirm' });
    expect(found.user).toMatchObject({ username: 'john.doe' });
    expect(found.authToken.digest).toBe(authToken.digest);
    expect(await test.rows.count()).toBe(0);
    await expect(test.tokens.consume(token)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  it('of many at once gives it to one', async () => {
    const { token } = await test.tokens.create(test.john);
    const outcomes = await repeat(10, () =>
      test.tokens.consume(token).then(
        () => 'user',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'user')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'invalid_token')).toHaveLength(9);
  });

  it('leaves a token that lacks the ability', async () => {
    const { token } = await linkFor('mail:confirm');
    await expect(test.tokens.consume(token, { ability: 'other' })).rejects.toMatchObject({
      code: 'insufficient_ability',
      status: 403,
    });
    expect(await test.rows.count()).toBe(1);
    expect((await test.tokens.consume(token)).user).toMatchObject({ username: 'john.doe' });
  });

  it('takes no expired token, and none of an inactive user', async () => {
    const expired = await test.tokens.create(test.john, { ttl: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(test.tokens.consume(expired.token)).rejects.toMatchObject({
      code: 'invalid_token',
    });
    const { token } = await test.tokens.create(test.jane);
    await test.users.update(test.jane.id, { isActive: false });
    await expect(test.tokens.consume(token)).rejects.toMatchObject({ code: 'user_inactive' });
    await test.users.update(test.jane.id, { isActive: true });
    expect((await test.tokens.consume(token)).user).toMatchObject({ username: 'jane.doe' });
  });

  it.each([
    ['a token that is no string', 5, {}],
    ['an unknown option', 'x', { abilities: 'a' }],
    ['options that are null', 'x', null],
    ['an ability that is a list', 'x', { ability: ['a'] }],
    ['an empty ability', 'x', { ability: '' }],
    ['an ability with a blank', 'x', { ability: 'a b' }],
  ])('refuses %s', async (_, token, options) => {
    await expect(test.tokens.consume(token as string, options as never)).rejects.toThrow(TypeError);
  });
});

it('consume in a login guard that then refuses uses up the token', async () => {
  @Injectable()
  class LinkGuard implements CanActivate {
    constructor(private readonly tokens: TokenService) {}

    async canActivate(context: ExecutionContext): Promise<boolean> {
      const { query } = context.switchToHttp().getRequest<{ query: { link: string } }>();
      await this.tokens.consume(query.link);
      return false;
    }
  }
  const { client, tokens, john, close } = await startApp({
    entities: [User, SessionToken],
    knox: { tokenEntity: SessionToken, loginGuards: [LinkGuard] },
  });
  try {
    const { token } = await tokens.create(john);
    const login = async () => (await client.post(`/auth/login?link=${token}`)).status;
    expect(await login()).toBe(403);
    expect(await login()).toBe(401);
    await expect(tokens.consume(token)).rejects.toMatchObject({ code: 'invalid_token' });
  } finally {
    await close();
  }
});
