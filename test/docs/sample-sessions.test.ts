import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { HttpClient } from '../support/http-client.ts';
import { runCurl } from './curl.ts';
import { codeBlocks, readDocument } from './markdown.ts';
import { Project, ROOT } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(60_000);

const SOURCES = join(ROOT, 'sample/03-sessions/src');
const ADA = { username: 'ada', password: 'correct horse' };

/** The lines that the reader types, and the answers that are shown. */
const LINES = codeBlocks(readDocument('sample/03-sessions/README.md'), 'sh')
  .slice(1)
  .flatMap((block) => block.split('\n').filter((line) => line !== ''));

/** What an answer must be: instants and what is left out by "…" differ each time. */
function like(shown: unknown): unknown {
  if (typeof shown === 'string' && shown.includes('…')) return expect.any(String);
  if (typeof shown === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(shown)) {
    return expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  }
  if (Array.isArray(shown)) return shown.map(like);
  if (typeof shown !== 'object' || shown === null) return shown;
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, like(value)]));
}

describe('sample/03-sessions', () => {
  let project: Project;
  let url: string;
  let client: HttpClient;
  beforeAll(async () => {
    project = new Project();
    for (const file of readdirSync(SOURCES)) {
      project.add(file, readFileSync(join(SOURCES, file), 'utf8'));
    }
    const [, found] = await project
      .start([], { PORT: '0' })
      .printed(/Listening on (\S+)\. sample\/03-sessions/);
    url = found!;
    client = new HttpClient(url);
  });
  afterAll(() => project.remove());

  it('shows a session from end to end, with lines for curl that work', async () => {
    const variables: Record<string, string> = {};
    let line: string | undefined;
    let answer: Awaited<ReturnType<typeof runCurl>> | undefined;
    let calls = 0;
    for (const next of LINES) {
      const [, name, value] = /^(\w+)=(.*)$/.exec(next) ?? [];
      const [, field, device] = /# the "(\w+)"(?: of the (\w+))?$/.exec(next) ?? [];
      if (next.startsWith('curl')) {
        line = next;
        answer = await runCurl(next, variables);
        calls += 1;
      } else if (next.startsWith('# ')) {
        const [, status, body] = /^# (\d+) ?(.*)$/.exec(next)!;
        expect([line, answer?.status, answer?.body]).toEqual([
          line,
          Number(status),
          body === '' ? undefined : like(JSON.parse(body!)),
        ]);
      } else if (field !== undefined) {
        const from = device ? answer?.body.find((one: any) => one.name === device) : answer?.body;
        variables[name!] = from[field];
      } else variables[name!] = name === 'API' ? url : value!.replaceAll("'", '');
    }
    expect(calls).toBe(LINES.filter((one) => one.startsWith('# ')).length);
    expect(calls).toBeGreaterThan(15);
  });

  it('asks for the password before a key is made, if the login is ten minutes old', async () => {
    const token = await client.newToken({ body: ADA });
    const body = { name: 'import', abilities: ['orders:write'] };
    const make = async (own: string, sent: object = body) =>
      client.post('/keys', { token: own, body: sent });
    expect((await make(token)).status).toBe(201);
    for (const bad of [{}, { ...body, name: '' }, { ...body, abilities: ['orders:delete'] }]) {
      expect((await make(token, bad)).status).toBe(400);
    }
    const database = join(project.folder, 'app.db');
    const dataSource = await new DataSource({ type: 'better-sqlite3', database }).initialize();
    await dataSource.query('UPDATE "knox_auth_token" SET "created" = "created" - 601000');
    await dataSource.destroy();
    expect((await make(token)).body.code).toBe('reauthentication_required');
    const again = await client.post('/auth/reauthenticate', { token, body: ADA });
    expect((await make(again.body.token as string)).status).toBe(201);
  });

  it('lets staff see a user’s sessions, and no user do so', async () => {
    const token = await client.newToken({ body: { ...ADA, name: 'tablet' } });
    const { body } = await client.post('/staff/auth/login', {
      body: { username: 'grace', password: 'battery staple' },
    });
    const staff = body.token as string;
    const path = '/office/users/ada/sessions';
    const { body: sessions } = await client.get(path, { token: staff });
    expect(sessions[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      name: 'tablet',
      abilities: null,
      lastUsed: null,
    });
    expect((await client.get(path, { token })).status).toBe(401);
    const status = async (url: string, method: string) =>
      (await client.send(url, { method, token: staff })).status;
    expect(await status('/office/users/nobody/sessions', 'GET')).toBe(404);
    expect(await status(`${path}/${'0'.repeat(32)}`, 'DELETE')).toBe(404);
    expect((await client.get('/orders', { token })).status).toBe(200);
  });
});
