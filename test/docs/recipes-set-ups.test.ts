import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import type { Request, Response } from 'express';
import { lastValueFrom } from 'rxjs';
import { PASSWORD, startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { pollUntil } from '../support/polling.ts';
import { freePort, isListening } from '../support/ports.ts';
import { HttpClient } from '../support/http-client.ts';
import { Project, ROOT } from './project.ts';
import { createApp } from './recipes/body-parsers.ts';
import * as circular from './recipes/circular.ts';
import * as hybrid from './recipes/hybrid.ts';
import * as versions from './recipes/versions.ts';

// A bundle takes a while to start where many tests run at once.
jest.setTimeout(30_000);

const JOHN = { username: 'john.doe', password: PASSWORD };

/** What a handler of messages answers. */
async function send(pattern: string, port: number): Promise<unknown> {
  const options = { transport: Transport.TCP, options: { port } } as const;
  const sender = ClientProxyFactory.create(options);
  try {
    return await lastValueFrom(sender.send(pattern, {}));
  } finally {
    await sender.close();
  }
}

describe('a recipe for another set-up', () => {
  let test: TestApp;
  const start = async (options: TestAppOptions) => (test = await startApp(options));
  afterEach(() => test.close());

  it('answers messages and requests in one app with a global guard', async () => {
    const port = await freePort();
    await start({
      imports: [hybrid.InvoicesModule],
      create: async (module, adapter) => {
        const app = await NestFactory.create(module, adapter, { logger: false });
        await hybrid.listenToMessages(app, port);
        return app;
      },
    });
    expect(await send('invoice.count', port)).toBe(0);
    expect((await test.client.get('/invoices')).status).toBe(401);
    const token = await test.login();
    expect((await test.client.get('/invoices', { token })).body).toEqual({
      invoicesOf: 'john.doe',
    });
  });

  it('asks no guard about messages without inheritAppConfig', async () => {
    @Controller()
    class ClosedMessages {
      @MessagePattern('closed')
      closed() {
        return 'answered';
      }
    }
    const ask = async (inheritAppConfig: boolean) => {
      const port = await freePort();
      const { close } = await start({
        imports: [hybrid.InvoicesModule],
        controllers: [ClosedMessages],
        create: async (module, adapter) => {
          const app = await NestFactory.create(module, adapter, { logger: false });
          const options = { transport: Transport.TCP, options: { port } } as const;
          app.connectMicroservice(options, { inheritAppConfig });
          await app.startAllMicroservices();
          return app;
        },
      });
      try {
        return await send('closed', port);
      } catch {
        return 'refused';
      } finally {
        if (inheritAppConfig) await close();
      }
    };
    expect(await ask(true)).toBe('refused');
    expect(await ask(false)).toBe('answered');
  });

  it('lets the service that verifies passwords end tokens too', async () => {
    const { app, client, john, login } = await start({ knoxModule: circular.AuthModule });
    const token = await login();
    const accounts = app.get(circular.AccountsService, { strict: false });
    const body = { password: 'better' };
    await accounts.changePassword(john, body.password);
    expect((await client.get('/me', { token })).status).toBe(401);
    expect((await client.post('/auth/login', { body: { ...JOHN, ...body } })).status).toBe(200);
  });

  it('leaves the bodies of a path to another library', async () => {
    const reader = async (request: Request, response: Response) => {
      let size = 0;
      for await (const chunk of request) size += (chunk as Buffer).length;
      response.json({ parsed: request.body !== undefined, size });
    };
    const { client } = await start({
      create: (module) => createApp(module, (request, response) => void reader(request, response)),
    });
    expect((await client.post('/auth/login', { body: JOHN })).status).toBe(200);
    const upload = await client.post('/uploads', { body: { some: 'JSON' } });
    expect(upload.body).toEqual({ parsed: false, size: 15 });
  });

  it('keeps the routes of the package where they are, beside versions of others', async () => {
    const { client, login } = await start({
      knoxModule: versions.AuthModule,
      configure: versions.enableVersions,
    });
    const token = await login();
    expect((await client.get('/v2/articles', { token })).body).toEqual({
      articlesOf: 'john.doe',
    });
    expect((await client.get('/articles', { token })).status).toBe(404);
    expect((await client.post('/v1/auth/logout', { token })).status).toBe(404);
    expect((await client.post('/auth/logout', { token })).status).toBe(204);
  });

  it('is not found without the header that names the version', async () => {
    const { client } = await start({
      configure: (app) =>
        app.enableVersioning({
          type: VersioningType.HEADER,
          header: 'x-version',
          defaultVersion: '1',
        }),
    });
    const headers = { 'x-version': '1' };
    expect((await client.post('/auth/login', { body: JOHN })).status).toBe(404);
    expect((await client.post('/auth/login', { body: JOHN, headers })).status).toBe(200);
  });

  it('has the default version in its own paths, without a controller of the app', async () => {
    const { client } = await start({ configure: versions.enableVersions });
    expect((await client.post('/auth/login', { body: JOHN })).status).toBe(404);
    expect((await client.post('/v1/auth/login', { body: JOHN })).status).toBe(200);
  });
});

describe('an application that esbuild has bundled', () => {
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
  const RECIPE = read('test/docs/recipes/bundle.mjs');
  let project: Project;
  beforeAll(() => {
    project = new Project();
    project.add('main.ts', read('sample/00-one-file/src/main.ts'));
  });
  afterAll(() => project.remove());

  const bundle = async (recipe: string) => {
    project.add('bundle.ts', recipe);
    await promisify(execFile)(process.execPath, ['dist/bundle.js'], { cwd: project.folder });
  };

  it('does not start without the names of its classes', async () => {
    await bundle(RECIPE.replace('keepNames: true', 'keepNames: false'));
    const app = project.start([], { PORT: '0' }, 'bundle/main.js');
    await app.printed(/AuthToken belongs to the entity class named User, and there is none/);
  });

  it('logs in, calls and logs out', async () => {
    await bundle(RECIPE);
    const port = await freePort();
    project.start([], { PORT: String(port) }, 'bundle/main.js');
    await pollUntil(true, () => isListening(port));

    const client = new HttpClient(`http://127.0.0.1:${String(port)}`);
    const token = await client.newToken({ body: { username: 'ada', password: 'correct horse' } });
    expect((await client.get('/me', { token })).body).toEqual({ username: 'ada' });
    expect((await client.post('/auth/logout', { token })).status).toBe(204);
    expect((await client.get('/me', { token })).status).toBe(401);
  });
});
