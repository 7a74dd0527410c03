import { afterEach, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import type { SessionToken } from '../../lib/index.ts';
import { AuthToken, KnoxConfigError } from '../../lib/index.ts';
import { actingAs } from '../../lib/testing/index.ts';
import { startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { startRealmApp } from '../support/realm-app.ts';
import { startSessionApp } from '../support/session-app.ts';
import type { StaffToken } from '../support/staff.ts';
import { knox, memoryDatabase, saveUser } from '../support/test-module.ts';
import type { User } from '../support/users.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

function closing<App extends Pick<TestApp, 'close'>>(app: App): App {
  close = () => app.close();
  return app;
}

const start = async (options: TestAppOptions = {}) => closing(await startApp(options));

describe.each(['express', 'fastify'] as const)('actingAs, on %s', (adapter) => {
  it('gives a token that is taken until its logout', async () => {
    const { app, client, rows, john } = await start({ adapter });
    const { token, authToken, headers, cookie } = await actingAs(app, john);
    expect(authToken).toBeInstanceOf(AuthToken);
    expect(headers).toEqual({ authorization: `Token ${token}` });
    expect(cookie).toBeNull();
    expect(await rows.find()).toMatchObject([{ digest: authToken.digest }]);

    const me = await client.get('/me', { headers: { ...headers } });
    expect(me.status).toBe(200);
    expect(me.body).toMatchObject({ username: 'john.doe', tokenKey: authToken.tokenKey });
    const logout = await client.post('/auth/logout', { headers: { ...headers } });
    expect(logout.status).toBe(204);
    expect(await rows.count()).toBe(0);
    expect((await client.get('/me', { headers: { ...headers } })).status).toBe(401);
  });

  it('gives the header in which a browser sends the cookie', async () => {
    const { app, client, john } = await start({ adapter, knox: { cookie: { name: 'sid' } } });
    const { token, cookie } = await actingAs(app, john);
    expect(cookie).toBe(`sid=${token}`);
    const headers = { cookie: cookie! };
    expect((await client.get('/me', { headers })).status).toBe(200);
    expect((await client.post('/auth/logout', { headers })).status).toBe(204);
    expect((await client.get('/me', { headers })).status).toBe(401);
  });

  it('gives one of another realm, with the scheme of that realm', async () => {
    const { app, client, staffRows, bob } = closing(
      await startRealmApp({ adapter, staff: { authHeaderPrefix: 'Bearer' } }),
    );
    const { token, headers } = await actingAs<StaffToken>(app, bob, { realm: 'staff' });
    expect(token).toMatch(/^st_/);
    expect(headers).toEqual({ authorization: `Bearer ${token}` });
    expect(await staffRows.count()).toBe(1);
    const logout = await client.post('/staff/auth/logout', { headers: { ...headers } });
    expect(logout.status).toBe(204);
    expect(await staffRows.count()).toBe(0);
  });
});

describe('actingAs', () => {
  it('gives a token these abilities, name and time to live', async () => {
    const { app, client, rows, john } = closing(await startSessionApp());
    const options = { abilities: ['orders:read'], name: 'script', ttl: '5m' } as const;
    const { authToken, headers } = await actingAs<SessionToken<User>>(app, john, options);
    expect(authToken).toMatchObject({ abilities: ['orders:read'], name: 'script', ttl: 300_000 });
    expect(await rows.find()).toMatchObject([{ name: 'script', ttl: 300_000 }]);
    const statusOf = async (path: string) =>
      (await client.get(path, { headers: { ...headers } })).status;
    expect(await statusOf('/orders')).toBe(200);
    expect(await statusOf('/orders/all')).toBe(403);
    expect((await actingAs(app, john, { ttl: null })).authToken.expiry).toBeNull();
  });

  it('takes an object with the key of the user', async () => {
    const { app, client, john } = await start();
    const { headers } = await actingAs(app, { id: john.id });
    const me = await client.get('/me', { headers: { ...headers } });
    expect(me.body).toMatchObject({ username: 'john.doe' });
  });

  it('is counted by the limit of tokens', async () => {
    const { app, john } = await start({ knox: { tokenLimitPerUser: 1 } });
    await actingAs(app, john);
    await expect(actingAs(app, john)).rejects.toMatchObject({ code: 'token_limit_exceeded' });
  });

  it('refuses wrong arguments, and saves nothing', async () => {
    const { app, rows, john } = await start();
    const refuse = async (args: unknown[], message: string | RegExp) => {
      const outcome = (actingAs as (...args: unknown[]) => Promise<unknown>)(...args);
      const error: unknown = await outcome.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as TypeError).message).toMatch(message);
    };
    await refuse([undefined, john], 'app must be a NestJS application; got undefined.');
    await refuse([{}, john], 'app must be a NestJS application; got an object.');
    await refuse([app, john, null], 'options must be an object; got null.');
    await refuse([app, john, ['orders:read']], 'options must be an object; got an array.');
    const known = 'there are abilities, name, ttl, realm.';
    await refuse([app, john, { ability: 'a' }], `There is no option "ability"; ${known}`);
    await refuse([app, john, { realm: 1 }], 'realm must be the name of a realm; got a number.');
    await refuse([app, john, { ttl: 'soon' }], /ttl/);
    await refuse([app, john, { name: 'script' }], /name/);
    await refuse([app, john, { abilities: [] }], /abilities/);
    await refuse([app, null], /user/i);
    await refuse([app, {}], /user/i);
    await refuse([app], /user/i);
    expect(await rows.count()).toBe(0);
  });

  it('refuses a realm that there is not', async () => {
    const { app, john } = closing(await startRealmApp());
    for (const realm of ['guests', '', '__proto__']) {
      const error: unknown = await actingAs(app, john, { realm }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(KnoxConfigError);
      expect((error as KnoxConfigError).option).toBe('realm');
      expect((error as KnoxConfigError).message).toContain(
        `no KnoxModule has the realm ${JSON.stringify(realm)} that actingAs() asks for; there are 'staff', 'api'.`,
      );
    }
  });

  it('refuses the user of another realm', async () => {
    const { app, bob, rows } = closing(await startRealmApp());
    await expect(actingAs(app, bob as never)).rejects.toThrow(TypeError);
    expect(await rows.count()).toBe(0);
  });
});

describe('actingAs, with a testing module', () => {
  async function compile(imports: Parameters<typeof Test.createTestingModule>[0]['imports']) {
    const module: TestingModule = await Test.createTestingModule({ imports: imports! }).compile();
    close = () => module.close();
    return module;
  }

  it.each([true, false])('gives a token, the module initialized: %s', async (isInitialized) => {
    const module = await compile([memoryDatabase(), knox({ authHeaderPrefix: 'Bearer' })]);
    if (isInitialized) await module.init();
    const { headers, token } = await actingAs(module, await saveUser(module));
    expect(headers).toEqual({ authorization: `Bearer ${token}` });
  });

  it('says that a KnoxModule is missing', async () => {
    const module = await compile([]);
    await expect(actingAs(module, { id: 1 })).rejects.toMatchObject({
      name: 'KnoxConfigError',
      message: expect.stringContaining('the application has no KnoxModule'),
    });
  });
});
