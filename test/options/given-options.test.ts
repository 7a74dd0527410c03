import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../lib/options/resolve-options.ts';
import { resolveStaticOptions } from '../../lib/static-options.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { ERRORS } from '../support/errors.ts';

/** What another library has put where every object inherits it. */
function pollute(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    polluted.push(name);
  }
}
const polluted: string[] = [];

describe('options that every object inherits', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ knox: { tokenLimitPerUser: 1 } });
  });
  afterEach(async () => {
    for (const name of polluted.splice(0)) Reflect.deleteProperty(Object.prototype, name);
    await test.tokens.revokeAll(test.john);
  });
  afterAll(() => test.close());

  it('are none of TokenService.create', async () => {
    pollute({ limit: 5, ttl: '1000w', prefix: 'evil_', columns: { digest: 'x' } });
    const { authToken, token } = await test.tokens.create(test.john);
    expect(authToken.expiry!.getTime()).toBeLessThanOrEqual(Date.now() + 36_000_000);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    await expect(test.tokens.create(test.john, {})).rejects.toMatchObject({
      response: ERRORS.limitExceeded,
    });
  });

  it('are none of a login', async () => {
    pollute({ limit: 5, ttl: '1000w', columns: { digest: 'x' } });
    await test.login();
    const body = { username: 'john.doe', password: 'hunter2' };
    expect((await test.client.post('/auth/login', { body })).body).toEqual(ERRORS.limitExceeded);
  });

  it('are none of TokenService.revokeAll', async () => {
    const { token } = await test.tokens.create(test.john);
    pollute({ except: token });
    expect(await test.tokens.revokeAll(test.john)).toBe(1);
  });

  it('are none of the module', () => {
    pollute({ tokenTtl: null, tokenLimitPerUser: 1_000, path: 'evil', isGlobal: false });
    expect(resolveOptions({})).toMatchObject({ tokenTtl: 36_000_000, tokenLimitPerUser: null });
    expect(resolveStaticOptions({})).toMatchObject({ path: 'auth', isGlobal: true });
  });

  it('are told apart from those that an instance has by its class', () => {
    class Options {
      tokenTtl = '1h';
      isUserActive(): boolean {
        return false;
      }
    }
    const options = new (class MoreOptions extends Options {})();
    const { tokenTtl, isUserActive } = resolveOptions(options);
    expect([tokenTtl, isUserActive]).toEqual([3_600_000, Options.prototype.isUserActive]);
  });
});
