import { connect, type Socket } from 'node:net';
import {
  Body,
  Controller,
  HttpCode,
  Post,
  VersioningType,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { KnoxController, type LogoutContext } from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp, type TestAppOptions } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';

const ADAPTERS: AdapterName[] = ['express', 'fastify'];
const JSON_TYPE = 'application/json';
const TWO_MEGABYTES = 2_000_000;

/** An application's own routes, one of them where a suffix of the path is that of a logout. */
@Controller('shop/auth')
class ShopController {
  @Post('logout')
  @HttpCode(200)
  logout(@Body() body: unknown): unknown {
    return { body };
  }
}

/** As a client sends it whose library always names a type, or that sends what no parser takes. */
const BODIES: [string, Record<string, string>, string][] = [
  ['no content of type JSON', { 'content-type': JSON_TYPE, 'content-length': '0' }, ''],
  ['broken JSON', { 'content-type': JSON_TYPE }, '{"refresh":'],
  ['JSON that is null', { 'content-type': JSON_TYPE }, 'null'],
  ['good JSON', { 'content-type': JSON_TYPE }, '{"a":1}'],
  ['JSON of an unknown charset', { 'content-type': `${JSON_TYPE}; charset=nonsense` }, '{}'],
  ['an unknown encoding', { 'content-type': JSON_TYPE, 'content-encoding': 'x' }, '{}'],
  ['broken gzip', { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' }, '{}'],
  ['a broken form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a[[[=%%%'],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'],
  ['multipart', { 'content-type': 'multipart/form-data' }, 'nothing'],
  ['XML', { 'content-type': 'application/xml' }, '<a/>'],
  ['a type that is none', { 'content-type': 'nonsense' }, '{}'],
  ['text without a type', {}, 'text'],
];

describe.each(ADAPTERS)('a logout that is sent with a body, on %s', (adapter) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ adapter, controllers: [ShopController] });
  });
  afterAll(() => test.close());

  const isRefused = async (token: string): Promise<void> => {
    const { status, body } = await test.client.get('/me', { token });
    expect([status, body]).toEqual([401, ERRORS.invalidToken]);
  };

  describe.each(['/auth/logout', '/auth/logoutall'])('POST %s', (path) => {
    it.each(BODIES)('answers as if there were none: %s', async (_, headers, body) => {
      const token = await test.login();
      const lines = { 'content-length': String(body.length), ...headers };
      const answer = await sendOnSocket(test, path, { token, headers: lines, body });
      expect(answer).toMatch(/^HTTP\/1\.1 204 /);
      await isRefused(token);
    });

    it('answers as if there were none: chunks', async () => {
      const token = await test.login();
      const headers = { 'content-type': JSON_TYPE, 'transfer-encoding': 'chunked' };
      const answer = await sendOnSocket(test, path, {
        token,
        headers,
        body: '3\r\n{"a\r\n0\r\n\r\n',
      });
      expect(answer).toMatch(/^HTTP\/1\.1 204 /);
      await isRefused(token);
    });

    it('answers as if there were none: more than a parser takes', async () => {
      const token = await test.login();
      const headers = { 'content-type': JSON_TYPE, 'content-length': String(TWO_MEGABYTES) };
      const body = 'x'.repeat(TWO_MEGABYTES);
      const answer = await sendOnSocket(test, path, { token, headers, body });
      expect(answer).toMatch(/^HTTP\/1\.1 204 /);
      await isRefused(token);
    });

    it('does not wait for a body that never comes', async () => {
      const token = await test.login();
      const headers = { 'content-type': JSON_TYPE, 'content-length': '100' };
      const answer = await sendOnSocket(test, path, { token, headers, body: '{' });
      expect(answer).toMatch(/^HTTP\/1\.1 204 /);
      await isRefused(token);
    });

    it('goes on with the next request of the connection', async () => {
      const [first, second] = [await test.login('john.doe'), await test.login('jane.doe')];
      const socket = await open(test);
      const [from, to] = [head(path, first, 7), head(path, second, 0)];
      socket.write(`${from}{"a":1}${to}`);
      const answers = await answersOn(socket, 2);
      expect(answers.match(/HTTP\/1\.1 204 /g)).toHaveLength(2);
      socket.destroy();
      await isRefused(first);
      await isRefused(second);
    });

    it('is a 401 without a token, whatever the body', async () => {
      const sending = { body: '{"a', headers: { 'content-type': JSON_TYPE } };
      const { status, body } = await test.client.post(path, sending);
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    });
  });

  it.each([
    '/auth/logout?x=1',
    'http://x/auth/logout',
    adapter === 'express' ? '/Auth/Logout/' : '/auth/log%6fut',
  ])('is answered however its path is written: %s', async (path) => {
    const token = await test.login();
    const headers = { 'content-type': JSON_TYPE, 'content-length': '1' };
    const answer = await sendOnSocket(test, path, { token, headers, body: '{' });
    expect(answer).toMatch(/^HTTP\/1\.1 204 /);
    await isRefused(token);
  });

  it('leaves the body of a route of the application alone', async () => {
    const answer = await test.client.post('/shop/auth/logout', { body: { a: 1 } });
    expect([answer.status, answer.body]).toEqual([200, { body: { a: 1 } }]);
    expect((await test.client.post('/shop/auth/logout', { body: '{' })).status).toBe(400);
    expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(200);
  });
});

describe.each(ADAPTERS)('a logout with a broken body, on %s', (adapter) => {
  let test: TestApp | undefined;
  afterEach(() => test?.close());

  const logsOutAt = async (
    path: string,
    options: TestAppOptions,
    login = path.replace('logout', 'login'),
  ): Promise<Answer> => {
    test = await startApp({ adapter, ...options });
    const token = (await test.client.post(login, { body: JOHN })).body.token as string;
    const answer = await test.client.post(path, { token, body: '{' });
    expect(answer.status).toBeLessThan(300);
    expect(await test.rows.count()).toBe(0);
    return answer;
  };
  const configured = (configure: (app: INestApplication) => void): TestAppOptions => ({
    configure,
  });

  it('answers under another path', () =>
    logsOutAt('/api/session/logout', {
      knox: { path: 'api/session' },
    }));

  it('answers under a path with a parameter', () =>
    logsOutAt('/blue/auth/logout', {
      knox: { path: ':tenant/auth' },
    }));

  it('answers under a global prefix', () =>
    logsOutAt(
      '/api/auth/logout',
      configured((app) => app.setGlobalPrefix('api')),
    ));

  it('answers under a version in the path', () =>
    logsOutAt(
      '/v2/auth/logout',
      configured((app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' })),
    ));

  it('answers under a version in a header', async () => {
    test = await startApp({
      adapter,
      configure: (app) =>
        app.enableVersioning({
          type: VersioningType.HEADER,
          header: 'x-version',
          defaultVersion: '2',
        }),
    });
    const headers = { 'x-version': '2' };
    const { body } = await test.client.post('/auth/login', { body: JOHN, headers });
    const token = body.token as string;
    const answer = await test.client.post('/auth/logout', { token, headers, body: '{' });
    expect(answer.status).toBe(204);
    expect(await test.rows.count()).toBe(0);
  });

  it('answers on a controller of the application, whose hooks see no body', async () => {
    const bodies: unknown[] = [];
    @Controller('session')
    class SessionController extends KnoxController {
      protected override getLogoutResponse({ request }: LogoutContext): unknown {
        bodies.push((request as { body?: unknown }).body ?? null);
        return { bye: true };
      }
    }
    const answer = await logsOutAt('/session/logout', {
      knox: { controller: false },
      controllers: [SessionController],
    });
    expect([answer.status, answer.body]).toEqual([200, { bye: true }]);
    expect(bodies).toEqual([null]);
  });
});

describe('a logout with a broken body, in an application of NestFactory', () => {
  it.each(ADAPTERS)('answers on %s', async (adapter) => {
    const test = await startApp({
      adapter,
      create: (module, httpAdapter) => NestFactory.create(module, httpAdapter, { logger: false }),
    });
    const token = await test.login();
    expect((await test.client.post('/auth/logout', { token, body: '{' })).status).toBe(204);
    expect(await test.rows.count()).toBe(0);
    await test.close();
  });
});

interface RawSending {
  readonly token: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function head(path: string, token: string, length: number): string {
  return lines(path, token, { 'content-type': JSON_TYPE, 'content-length': String(length) });
}

function lines(path: string, token: string, headers: Record<string, string>): string {
  const all = { host: 'x', authorization: `Token ${token}`, ...headers };
  const named = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`POST ${path} HTTP/1.1`, ...named, '', ''].join('\r\n');
}

/** What the server answers before the client has sent all, if it does. */
async function sendOnSocket(
  test: TestApp,
  path: string,
  { token, headers, body }: RawSending,
): Promise<string> {
  const socket = await open(test);
  socket.write(lines(path, token, headers) + body);
  const answer = await answersOn(socket, 1);
  socket.destroy();
  return answer;
}

function open(test: TestApp): Promise<Socket> {
  const { hostname, port } = new URL(test.client.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Resolves with the heads of so many answers, or with what came before the connection was closed. */
function answersOn(socket: Socket, count: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.split('\r\n\r\n').length > count) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
}
