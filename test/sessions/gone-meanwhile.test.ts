import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defer, mergeMap, type Observable } from 'rxjs';
import type { AdapterName } from '../support/app.ts';
import { cookieHeader, cookiesOf } from '../support/cookies.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import { EventCollector } from '../support/event-collector.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';

/** Ends the session after the guard has found its token good, as a request that is faster does. */
class FasterRequest implements NestInterceptor {
  endSessions: () => Promise<unknown> = () => Promise.resolve();

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return defer(() => this.endSessions()).pipe(mergeMap(() => next.handle()));
  }
}

describe.each<AdapterName>(['express', 'fastify'])(
  'A session that ends while it is asked for something, on %s',
  (adapter) => {
    const faster = new FasterRequest();
    let test: SessionApp;
    let events: EventCollector;
    let token: string;
    beforeAll(async () => {
      test = await startSessionApp({
        adapter,
        knox: { cookie: true },
        imports: [EventEmitterModule.forRoot()],
        providers: [EventCollector, { provide: APP_INTERCEPTOR, useValue: faster }],
      });
      events = test.app.get(EventCollector);
      faster.endSessions = () => test.rows.clear();
    });
    beforeEach(async () => {
      ({ token } = await test.tokens.create(test.john));
      events.clear();
    });
    afterAll(() => test.close());

    it.each([
      ['a logout', '/auth/logout', 1],
      ['a reauthentication', '/auth/reauthenticate', 0],
    ])('refuses %s as the guard would', async (_, path, cookies) => {
      const answer = await test.client.post(path, { headers: cookieHeader(token), body: JOHN });
      expect([answer.status, answer.body]).toEqual([401, ERRORS.invalidToken]);
      expect(answer.headers['www-authenticate']).toBe('Token realm="api", error="invalid_token"');
      // A logout has the cookie forgotten whether its answer is a 401 or not.
      expect(cookiesOf(answer).map(({ value }) => value)).toEqual(Array(cookies).fill(''));
      expect(events.received).toEqual([
        ['knox.auth.failed', expect.objectContaining({ reason: 'invalid_token' })],
      ]);
    });
  },
);
