import { inspect } from 'node:util';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AuthFailedEvent,
  AuthToken,
  TokenCreatedEvent,
  TokenExpiredEvent,
  TokenRefreshedEvent,
  TokenRevokedEvent,
  UserLoggedInEvent,
  UserLoggedOutEvent,
} from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { EventCollector, type AnyEvent } from '../support/event-collector.ts';
import { pollFor } from '../support/polling.ts';
import type { Sending } from '../support/http-client.ts';
import { User } from '../support/users.ts';
import { createExpired } from '../support/expired-token.ts';

/** Another password than the one in the user's row: if it is found, it came from the request. */
const TYPED = 'typed at the login';
const CLIENT = { realm: 'api', ip: '127.0.0.1', userAgent: 'test/1' };
const NO_CLIENT = { realm: 'api', ip: null, userAgent: null };

describe.each<AdapterName>(['express', 'fastify'])('the events on %s', (adapter) => {
  let test: TestApp;
  let collector: EventCollector;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      imports: [EventEmitterModule.forRoot()],
      providers: [EventCollector],
      knox: {
        verifyCredentials: (username, password) =>
          password === TYPED ? test.users.findOneBy({ username }) : null,
        autoRefresh: true,
      },
    });
    collector = test.app.get(EventCollector);
  });
  beforeEach(() => collector.clear());
  afterEach(async () => {
    restoreTime();
    await test.dataSource.query('DELETE FROM knox_auth_token');
  });
  afterAll(() => test.close());

  const headers = { 'user-agent': 'test/1' };
  const post = (path: string, sending: Sending) =>
    test.client.post(path, { ...sending, headers: { ...headers, ...sending.headers } });
  const body = { username: 'john.doe', password: TYPED };
  const create = async () => (await test.tokens.create(test.john)).token;
  const expired = async () => (await createExpired(test.tokens, test.john)).token;

  /** The events since the last call, with all their fields and their classes. */
  function take(): [string, object][] {
    const taken = collector.received.map(([name, event]): [string, object] => {
      expect((event.constructor as typeof UserLoggedInEvent).eventName).toBe(name);
      return [name, Object.fromEntries(Object.entries(event))];
    });
    collector.clear();
    return taken;
  }
  const john = expect.objectContaining({ username: 'john.doe' });
  const keyed = (token: string) => expect.objectContaining({ tokenKey: token.slice(0, 15) });

  it('tell of a login: first the token, then the user', async () => {
    const { token } = (await post('/auth/login', { body })).body;
    expect(collector.events).toEqual([
      expect.any(TokenCreatedEvent),
      expect.any(UserLoggedInEvent),
    ]);
    for (const { user, authToken } of collector.events) {
      expect(user).toBeInstanceOf(User);
      expect(authToken).toBeInstanceOf(AuthToken);
    }
    const fields = { user: john, authToken: keyed(token), ...CLIENT };
    expect(take()).toEqual([
      ['knox.token.created', fields],
      ['knox.user.logged_in', fields],
    ]);
  });

  it('tell of a logout: first the token, then the user', async () => {
    const token = await create();
    take();
    await post('/auth/logout', { token });
    expect(collector.events).toEqual([
      expect.any(TokenRevokedEvent),
      expect.any(UserLoggedOutEvent),
    ]);
    const fields = { user: john, authToken: keyed(token), ...CLIENT };
    expect(take()).toEqual([
      ['knox.token.revoked', { ...fields, count: 1, reason: 'logout' }],
      ['knox.user.logged_out', fields],
    ]);
  });

  it('tell of a logout everywhere, with the number of tokens', async () => {
    const token = [await create(), await create(), await create()][1]!;
    take();
    await post('/auth/logoutall', { token });
    const fields = { user: john, authToken: keyed(token), ...CLIENT };
    expect(take()).toEqual([
      ['knox.token.revoked', { ...fields, authToken: null, count: 3, reason: 'logout_all' }],
      ['knox.user.logged_out', fields],
    ]);
  });

  it('tell of a refresh, with the new expiry', async () => {
    freezeTime(Date.UTC(2026, 0, 1));
    const token = await create();
    take();
    freezeTime(Date.UTC(2026, 0, 1, 1));
    await test.client.get('/me', { token, headers });
    expect(collector.events[0]).toBeInstanceOf(TokenRefreshedEvent);
    expect(take()).toEqual([
      ['knox.token.refreshed', { user: john, authToken: keyed(token), ...CLIENT }],
    ]);
    await test.client.get('/me', { token, headers });
    expect(take()).toEqual([]);
    const { authToken } = await test.tokens.authenticate(token);
    expect(authToken.expiry).toEqual(new Date(Date.UTC(2026, 0, 1, 11)));
  });

  it('tell of an expired token that is presented, with the number of tokens deleted', async () => {
    const token = [await expired(), await expired(), await create()][0]!;
    take();
    await test.client.get('/me', { token, headers });
    const fields = { user: john, authToken: keyed(token), ...CLIENT };
    expect(collector.events).toEqual([expect.any(TokenExpiredEvent), expect.any(AuthFailedEvent)]);
    expect(take()).toEqual([
      ['knox.token.expired', { ...fields, count: 2 }],
      ['knox.auth.failed', { ...fields, reason: 'invalid_token' }],
    ]);
  });

  it('tell of the expired tokens that a login clears', async () => {
    await expired();
    await expired();
    take();
    await post('/auth/login', { body });
    await pollFor(
      () => collector.received.length,
      (count) => count === 3,
    );
    expect(take().slice(2)).toEqual([
      ['knox.token.expired', { user: john, authToken: null, count: 2, ...CLIENT }],
    ]);
  });

  it('tell of calls of TokenService, without a request', async () => {
    const { authToken, token } = await test.tokens.create(test.john);
    await test.tokens.revoke(token);
    const expired = await createExpired(test.tokens, test.john);
    await test.tokens.deleteExpired();
    const other = await test.tokens.create(test.john);
    await test.tokens.revoke(other.authToken);
    const last = await test.tokens.create(test.john);
    await test.tokens.revokeAll(test.john);
    const nobody = { user: null, authToken: null, ...NO_CLIENT };
    const johns = (of: { token: string }) => ({
      user: test.john,
      authToken: keyed(of.token),
      ...NO_CLIENT,
    });
    expect(take()).toEqual([
      ['knox.token.created', johns({ token })],
      ['knox.token.revoked', { ...nobody, count: 1, reason: 'service' }],
      ['knox.token.created', johns(expired)],
      ['knox.token.expired', { ...nobody, count: 1 }],
      ['knox.token.created', johns(other)],
      ['knox.token.revoked', { ...johns(other), count: 1, reason: 'service' }],
      ['knox.token.created', johns(last)],
      ['knox.token.revoked', { ...johns(last), authToken: null, count: 1, reason: 'service' }],
    ]);
    await test.tokens.revokeAll(test.john);
    await test.tokens.revoke(authToken);
    await test.tokens.deleteExpired();
    expect(take()).toEqual([]);
  });

  it.each<[reason: string, path: string, sending: Sending]>([
    ['not_authenticated', '/auth/logout', {}],
    ['invalid_header', '/auth/logout', { headers: { authorization: 'Token' } }],
    ['invalid_header', '/auth/logout', { headers: { authorization: ['Token a', 'Token b'] } }],
    ['invalid_token', '/auth/logoutall', { token: 'f'.repeat(64) }],
    ['invalid_token', '/auth/logoutall', { token: 'f'.repeat(300) }],
    ['not_authenticated', '/auth/login', {}],
    ['invalid_header', '/auth/login', { headers: { authorization: ['Basic eDp5', 'Token x'] } }],
    ['invalid_credentials', '/auth/login', { body: { username: 'john.doe', password: 'x' } }],
    ['invalid_credentials', '/auth/login', { basic: ['john.doe', 'x'] }],
    ['invalid_credentials', '/auth/login', { headers: { authorization: 'Basic !' } }],
  ])('tell once of a 401, by its code: %s at %s', async (reason, path, sending) => {
    expect((await post(path, sending)).body.code).toBe(reason);
    expect(collector.events).toEqual([expect.any(AuthFailedEvent)]);
    expect(take()).toEqual([
      ['knox.auth.failed', { reason, user: null, authToken: null, ...CLIENT }],
    ]);
  });

  it('tell of an inactive user who is refused', async () => {
    const token = await create();
    await test.users.update(test.john.id, { isActive: false });
    take();
    await test.client.get('/me', { token, headers });
    const fields = { user: john, authToken: keyed(token), ...CLIENT };
    expect(take()).toEqual([['knox.auth.failed', { ...fields, reason: 'user_inactive' }]]);
    await post('/auth/login', { body });
    await test.users.update(test.john.id, { isActive: true });
    expect(take()).toMatchObject([['knox.auth.failed', { reason: 'invalid_credentials' }]]);
  });

  it('tell nothing of a request that changes nothing and is not a 401', async () => {
    const token = await create();
    take();
    await post('/auth/login', { body: { username: 1 } });
    await post('/auth/login', { basic: ['john.doe', TYPED], body });
    await test.client.get('/me', { token });
    expect(take()).toEqual([]);
  });

  it('have no user agent if none was sent', async () => {
    await test.client.post('/auth/login', { body });
    expect(collector.events.map(({ ip, userAgent }) => [ip, userAgent])).toEqual([
      ['127.0.0.1', null],
      ['127.0.0.1', null],
    ]);
  });

  it('hold no raw token, no password and no request', async () => {
    await expired();
    const { token } = (await post('/auth/login', { body })).body;
    await post('/auth/login', { body: { ...body, password: `${TYPED}?` } });
    await post('/auth/login', { basic: ['john.doe', `${TYPED}!`] });
    await test.client.get('/me', { token: `${token.slice(0, -1)}_` });
    await post('/auth/logout', { token });
    await post('/auth/logout', { token });
    await pollFor(
      () => collector.received.length,
      (count) => count === 10,
    );
    const text = inspect(collector.events, { depth: 6, showHidden: true, getters: true });
    expect(text).not.toContain(token.slice(15));
    expect(text).not.toContain(token.slice(0, 16));
    expect(text).not.toContain(TYPED);
    expect(text).not.toMatch(/IncomingMessage|Socket|rawHeaders/);
    expect(text).not.toContain('authorization');
    const allowed = ['authToken', 'count', 'ip', 'realm', 'reason', 'user', 'userAgent'];
    const keys = collector.events.flatMap((event: AnyEvent) => Object.keys(event));
    expect([...new Set(keys)].sort()).toEqual(allowed);
  });
});
