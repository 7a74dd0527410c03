import { NestFactory } from '@nestjs/core';
import { json } from 'express';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { BASIC_JOHN, JOHN } from '../support/credentials.ts';
import { badRequest } from '../support/errors.ts';

const NOT_PARSED = badRequest('The body was not parsed; send it as application/json.');

let test: TestApp;
afterEach(() => test.close());

/** As libraries demand it that read bodies themselves. */
const startWithoutParser = (adapter: AdapterName, configure = {}): Promise<TestApp> =>
  startApp({
    adapter,
    ...configure,
    create: (module, httpAdapter) =>
      NestFactory.create(module, httpAdapter, { logger: false, bodyParser: false }),
  });

describe('an application with bodyParser: false', () => {
  it('answers a JSON login with a 400 that says why, on Express', async () => {
    test = await startWithoutParser('express');
    const { status, headers, body } = await test.client.post('/auth/login', { body: JOHN });
    expect([status, body]).toEqual([400, NOT_PARSED]);
    expect(headers['www-authenticate']).toBeUndefined();
  });

  it('takes HTTP Basic, and logs out, on Express', async () => {
    test = await startWithoutParser('express');
    const login = await test.client.post('/auth/login', { basic: BASIC_JOHN });
    expect(login.status).toBe(200);
    const token = login.body.token as string;
    expect((await test.client.post('/auth/logout', { token, body: '{' })).status).toBe(204);
  });

  it('takes JSON with a parser of its own, on Express', async () => {
    test = await startWithoutParser('express', {
      configure: (app: TestApp['app']) => app.use(json()),
    });
    expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(200);
  });

  it('takes JSON on Fastify, which has its own parser', async () => {
    test = await startWithoutParser('fastify');
    expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(200);
  });
});

it('a multipart login on Express is a 400, and no browser opens its dialog', async () => {
  test = await startApp();
  const answer = await test.client.post('/auth/login', {
    body: '--x\r\n\r\n--x--',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  });
  expect([answer.status, answer.body]).toEqual([400, NOT_PARSED]);
  expect(answer.headers['www-authenticate']).toBeUndefined();
});
