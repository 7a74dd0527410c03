import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { AUTHENTICATE } from '../../lib/async/diagnostics.ts';
import type { BatchMessage, OperationMessage } from '../../lib/index.ts';
import { PASSWORD, startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { repeat } from '../support/repeat.ts';

const NAMES = ['authenticate', 'create', 'revoke'] as const;
const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
const ALL_WELL = ['start', 'end', 'asyncStart', 'asyncEnd'];
const FAILED = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'];

describe.each(DATABASES)('the diagnostics channels on %s', (database) => {
  let test: TestApp;
  const storage = new AsyncLocalStorage<unknown>();
  const seenByHook: unknown[] = [];
  beforeAll(async () => {
    const isUserActive = () => {
      seenByHook.push(storage.getStore());
      return true;
    };
    test = await startApp({ database, knox: { isUserActive, tokenLimitPerUser: 20 } });
  });
  afterAll(() => test.close());

  let heard: { name: string; event: string; message: OperationMessage }[];
  let batches: BatchMessage[];
  const onBatch = (message: unknown) => batches.push(message as BatchMessage);
  const subscribers = NAMES.map((name) => {
    const on = (event: string) => (message: object) =>
      void heard.push({ name, event, message: message as OperationMessage });
    return [name, Object.fromEntries(EVENTS.map((event) => [event, on(event)])) as never] as const;
  });
  const listen = () => {
    for (const [name, subscriber] of subscribers) {
      tracingChannel(`nestjs-knox:${name}`).subscribe(subscriber);
    }
    subscribe('nestjs-knox:batch', onBatch);
  };
  const stopListening = () => {
    for (const [name, subscriber] of subscribers) {
      tracingChannel(`nestjs-knox:${name}`).unsubscribe(subscriber);
    }
    unsubscribe('nestjs-knox:batch', onBatch);
  };
  beforeEach(() => {
    heard = [];
    batches = [];
    listen();
  });
  afterEach(async () => {
    stopListening();
    await test.rows.deleteAll();
  });
  const eventsOf = (name: string) =>
    heard.filter((one) => one.name === name).map((one) => one.event);
  /** What the one operation on this channel has told; each of its events has the same object. */
  const messageOf = (name: string) => {
    const messages = new Set(heard.filter((one) => one.name === name).map((one) => one.message));
    expect(messages.size).toBe(1);
    const { error, ...message } = [...messages][0]!;
    return { ...message, ...(error && { error: error.message }) };
  };

  it('tell of a token that is accepted, and of one that is refused', async () => {
    const { token } = await test.tokens.create(test.john);
    await test.client.get('/me', { token });
    expect(eventsOf('authenticate')).toEqual(ALL_WELL);
    const { id } = test.john;
    const good = { realm: 'api', code: null, userKey: id, count: 0 };
    expect(messageOf('authenticate')).toEqual(good);
    heard = [];
    await test.client.get('/me', { token: 'unknown' });
    expect(eventsOf('authenticate')).toEqual(FAILED);
    const code = 'invalid_token';
    const bad = { realm: 'api', code, userKey: null, count: 0, error: code };
    expect(messageOf('authenticate')).toEqual(bad);
  });

  it('tell of tokens that are made, and of why one is not', async () => {
    await test.login();
    expect(eventsOf('create')).toEqual(ALL_WELL);
    const { id } = test.john;
    expect(messageOf('create')).toEqual({ realm: 'api', code: null, userKey: id, count: 1 });
    heard = [];
    const limited = test.tokens.create(test.john, { limit: 1 });
    await expect(limited).rejects.toMatchObject({ code: 'token_limit_exceeded' });
    expect(messageOf('create')).toMatchObject({ code: 'token_limit_exceeded', count: 0 });
    heard = [];
    await expect(test.tokens.create({})).rejects.toThrow(TypeError);
    expect(messageOf('create')).toMatchObject({ code: 'error', userKey: null });
  });

  it.each<[string, (token: string) => Promise<unknown>, object]>([
    ['by a logout', (token) => test.client.post('/auth/logout', { token }), { reason: 'logout' }],
    [
      'by a logout everywhere',
      (token) => test.client.post('/auth/logoutall', { token }),
      { reason: 'logout_all', count: 2 },
    ],
    ['by revoke', (token) => test.tokens.revoke(token), { reason: 'service', userKey: null }],
    ['by revokeAll', () => test.tokens.revokeAll(test.john), { reason: 'service', count: 2 }],
    [
      'in vain',
      () => test.tokens.revoke('unknown'),
      { reason: 'service', count: 0, userKey: null },
    ],
  ])('tell of tokens that are revoked %s', async (_, revoke, expected) => {
    const { token } = await test.tokens.create(test.john);
    await test.tokens.create(test.john);
    await revoke(token);
    expect(eventsOf('revoke')).toEqual(ALL_WELL);
    const usual = { realm: 'api', code: null, userKey: test.john.id, count: 1 };
    expect(messageOf('revoke')).toEqual({ ...usual, ...expected });
  });

  it('tell of each statement that has looked up tokens', async () => {
    const issued = await repeat(5, () => test.tokens.create(test.john));
    await Promise.all(issued.map(({ token }) => test.tokens.authenticate(token)));
    expect(batches.map(({ realm, size }) => ({ realm, size }))).toEqual([
      { realm: 'api', size: 5 },
    ]);
    const [{ waitMs, durationMs }] = batches as [BatchMessage];
    for (const ms of [waitMs, durationMs]) {
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThan(10_000);
    }
    expect(Object.keys(batches[0]!)).toEqual(['realm', 'size', 'waitMs', 'durationMs']);
  });

  it('run the work in a store that is bound to them', async () => {
    const start = channel('tracing:nestjs-knox:authenticate:start');
    const { token } = await test.tokens.create(test.john);
    seenByHook.length = 0;
    start.bindStore(storage, () => 'a span');
    await test.client.get('/me', { token });
    start.unbindStore(storage);
    expect(seenByHook).toEqual(['a span']);
  });

  it('hold no token, digest, password or user, whatever fails', async () => {
    const token = await test.login();
    const other = await test.tokens.create(test.john);
    const body = { username: 'john.doe', password: PASSWORD };
    const tokens = [token, other.token];
    const every = async () => {
      await test.client.get('/me', { token });
      await test.tokens.revoke(other.token).catch(() => undefined);
      await test.tokens.revokeAll(test.john, { except: token }).catch(() => undefined);
      await test.tokens.create(test.john, { prefix: 'p_' }).then(
        (made) => tokens.push(made.token),
        () => undefined,
      );
      await test.client.post('/auth/login', { body });
    };
    await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
    await every();
    await test.dataSource.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
    await every();
    await test.client.post('/auth/logout', { token });
    expect(heard.filter(({ message }) => message.code === 'unavailable').length).toBeGreaterThan(4);
    const options = { depth: null, showHidden: true, maxStringLength: null } as const;
    const text = inspect([...heard, ...batches], options);
    for (const secret of tokens) {
      const digest = createHash('sha512').update(secret).digest('hex');
      for (const piece of [secret.slice(0, 16), secret.slice(-16), digest.slice(0, 16)]) {
        expect(text).not.toContain(piece);
      }
    }
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain('john.doe');
    const known = ['realm', 'reason', 'code', 'userKey', 'count', 'result', 'error'];
    const keys = heard.flatMap(({ message }) => Object.keys(message));
    expect(keys.filter((key) => !known.includes(key))).toEqual([]);
    expect(heard.filter(({ message }) => (message as { result?: unknown }).result)).toEqual([]);
  });

  it('cost nothing where nobody listens', async () => {
    stopListening();
    const trace = jest.spyOn(AUTHENTICATE, 'tracePromise');
    const token = await test.login();
    expect((await test.client.get('/me', { token })).status).toBe(200);
    expect(trace).not.toHaveBeenCalled();
    listen();
    expect((await test.client.get('/me', { token })).status).toBe(200);
    expect(trace).toHaveBeenCalledTimes(1);
    trace.mockRestore();
  });
});
