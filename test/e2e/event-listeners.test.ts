import { Injectable } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { KnoxModuleOptions, TokenCreatedEvent, TokenRevokedEvent } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { EventCollector } from '../support/event-collector.ts';
import { pollFor } from '../support/polling.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { createExpired } from '../support/expired-token.ts';

const EVENTS = [
  'knox.user.logged_in',
  'knox.user.logged_out',
  'knox.token.created',
  'knox.token.refreshed',
  'knox.token.revoked',
  'knox.token.expired',
  'knox.auth.failed',
];

let test: TestApp;
afterEach(() => test.close());

/** How each listener behaves in this test. */
let act: () => unknown;

@Injectable()
class FailingListener {
  @OnEvent(EVENTS[0]!, { suppressErrors: false })
  @OnEvent(EVENTS[1]!, { suppressErrors: false })
  @OnEvent(EVENTS[2]!, { suppressErrors: false })
  @OnEvent(EVENTS[3]!, { suppressErrors: false })
  @OnEvent(EVENTS[4]!, { suppressErrors: false })
  @OnEvent(EVENTS[5]!, { suppressErrors: false })
  @OnEvent(EVENTS[6]!, { suppressErrors: false })
  on(): unknown {
    return act();
  }
}

/** A session with every kind of event. Gives its statuses. */
async function session(): Promise<number[]> {
  const { client, tokens, john } = test;
  const login = await client.post('/auth/login', { body: JOHN });
  const { token } = login.body;
  const expired = await createExpired(tokens, john);
  return [
    login.status,
    (await client.get('/me', { token })).status,
    (await client.get('/me', { token: expired.token })).status,
    (await client.post('/auth/login', { body: { ...JOHN, password: 'x' } })).status,
    (await client.post('/auth/logout', { token })).status,
    (await client.post('/auth/logout', { token })).status,
    (await client.post('/auth/logoutall', { token: await test.login() })).status,
  ];
}

const USUAL = [200, 200, 401, 401, 204, 401, 204];
const KNOX: KnoxModuleOptions = { autoRefresh: true, minRefreshInterval: 0 };

describe('a listener', () => {
  const failures: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('mail is down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mail is down'))],
  ];

  it.each(failures)('that %s is logged, and changes no answer', async (_, failure) => {
    const logs = new LogRecorder();
    act = failure;
    test = await startApp({
      knox: KNOX,
      imports: [EventEmitterModule.forRoot()],
      providers: [FailingListener],
      configure: (app) => app.useLogger(logs),
    });
    expect(await session()).toEqual(USUAL);
    for (const name of EVENTS) {
      expect(logs.errors).toContain(`A listener of ${name} failed: mail is down`);
    }
  });

  it('that never ends changes no answer', async () => {
    act = () => new Promise(() => undefined);
    test = await startApp({
      knox: KNOX,
      imports: [EventEmitterModule.forRoot()],
      providers: [FailingListener],
    });
    expect(await session()).toEqual(USUAL);
  });

  it('is called after the commit', async () => {
    const seen: [string, number][] = [];

    @Injectable()
    class LookingListener {
      @OnEvent('knox.token.created')
      async created({ authToken }: TokenCreatedEvent): Promise<void> {
        seen.push(['created', await test.rows.countBy({ digest: authToken.digest })]);
      }

      @OnEvent('knox.token.revoked')
      async revoked({ authToken }: TokenRevokedEvent): Promise<void> {
        seen.push(['revoked', await test.rows.countBy({ digest: authToken!.digest })]);
      }
    }
    test = await startApp({
      imports: [EventEmitterModule.forRoot()],
      providers: [LookingListener],
    });
    const token = await test.login();
    await test.client.post('/auth/logout', { token });
    await pollFor(
      () => seen.length,
      (count) => count === 2,
    );
    expect(seen).toEqual([
      ['created', 1],
      ['revoked', 0],
    ]);
  });

  it('gets the revocation, and no login, if the login’s answer failed', async () => {
    test = await startApp({
      imports: [EventEmitterModule.forRoot()],
      providers: [EventCollector],
      knox: {
        userSerializer: () => {
          throw new Error('x');
        },
      },
    });
    expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(500);
    expect(test.app.get(EventCollector).names).toEqual([
      'knox.token.created',
      'knox.token.revoked',
    ]);
  });
});

describe('without @nestjs/event-emitter in the application', () => {
  it('all requests work as usual', async () => {
    test = await startApp({ knox: KNOX, providers: [EventCollector] });
    expect(await session()).toEqual(USUAL);
    expect(test.app.get(EventCollector).received).toEqual([]);
  });
});
