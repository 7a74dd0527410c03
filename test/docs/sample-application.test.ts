import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { HttpClient } from '../support/http-client.ts';
import { openSocketIo } from '../support/sockets.ts';
import { Project, ROOT, type Running } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(30_000);

const SOURCES = join(ROOT, 'sample/05-application/src');
const ADA = { username: 'ada', password: 'correct horse' };
const BOB = { username: 'bob', password: 'a password of Bob' };

describe('sample/05-application, which has the recipes together', () => {
  let project: Project;
  let running: Running;
  let client: HttpClient;
  beforeAll(async () => {
    project = new Project();
    for (const file of readdirSync(SOURCES)) {
      project.add(file, readFileSync(join(SOURCES, file), 'utf8'));
    }
    running = project.start([], { PORT: '0' });
    const [, url] = await running.printed(/Listening on (\S+)\n/);
    client = new HttpClient(url!);
  });
  afterAll(() => project.remove());

  const login = (body: object, device = 'laptop') =>
    client.newToken({ body, headers: { 'x-device-name': device } });
  const signUp = (body?: object) => client.post('/sign-up', { body });
  const statusOf = async (path: string, token?: string, method = 'GET') =>
    (await client.send(path, { method, ...(token !== undefined && { token }) })).status;
  const say = async (event: string, auth: object, headers = {}) => {
    const socket = await openSocketIo(client.url, headers, auth);
    const answer = await socket.ask(event, 'hello');
    socket.close();
    return answer;
  };

  it('signs up, and takes the token that it gave', async () => {
    const { status, body } = await signUp(BOB);
    expect(status).toBe(201);
    const account = await client.get('/account', { token: body.token });
    expect(account.body).toEqual({ username: 'bob', roles: [], device: null });
    expect((await signUp(BOB)).status).toBe(409);
    for (const bad of [undefined, {}, { username: 'eve' }, { username: 1, password: 2 }]) {
      expect((await signUp(bad)).status).toBe(400);
    }
  });

  it('guards all but what is public, and asks for roles after the token', async () => {
    const [ada, bob] = [await login(ADA), await login(BOB)];
    expect(await statusOf('/articles')).toBe(200);
    expect((await client.get('/articles/front')).body).toEqual({ greeting: 'Hello, stranger' });
    expect((await client.get('/articles/front', { token: bob })).body).toEqual({
      greeting: 'Hello, bob',
    });
    expect(await statusOf('/articles/mine')).toBe(401);
    expect(await statusOf('/articles/mine', bob)).toBe(200);
    expect(await statusOf('/articles', undefined, 'DELETE')).toBe(401);
    expect(await statusOf('/articles', bob, 'DELETE')).toBe(403);
    expect(await statusOf('/articles', ada, 'DELETE')).toBe(200);
  });

  it('takes tokens of sockets from both places, and asks for roles there too', async () => {
    const [ada, bob] = [await login(ADA), await login(BOB)];
    const said = { event: 'said', data: { by: 'bob', text: 'hello' } };
    expect(await say('say', { token: bob })).toEqual(said);
    expect(await say('say', {}, { authorization: `Token ${bob}` })).toEqual(said);
    expect((await say('say', {})).data).toMatchObject({ code: 'not_authenticated' });
    expect((await say('say', { token: 'x' })).data).toMatchObject({ code: 'invalid_token' });
    expect((await say('close', { token: bob })).data).toMatchObject({
      message: 'Forbidden resource',
    });
    expect((await say('close', { token: ada })).event).toBe('closed');
    expect((await say('topic', { token: ada })).data).toEqual({ by: null });
  });

  it('names devices, logs out one, and with a new password the others', async () => {
    const [token, phone] = [await login(ADA, 'desk'), await login(ADA, 'phone')];
    const devices = (await client.get('/devices', { token })).body as Record<string, unknown>[];
    const named = (name: string) => devices.find(({ deviceName }) => deviceName === name);
    expect(named('desk')).toMatchObject({ isCurrent: true, tokenKey: token.slice(0, 15) });
    expect(named('phone')).toMatchObject({ isCurrent: false });
    expect(await statusOf(`/devices/${phone.slice(0, 15)}`, token, 'DELETE')).toBe(204);
    expect(await statusOf('/account', phone)).toBe(401);

    const change = (body?: object) =>
      client.send('/account/password', { method: 'PUT', token, body });
    for (const bad of [
      undefined,
      {},
      { old: 'wrong', password: 'better' },
      { old: ADA.password },
    ]) {
      expect((await change(bad)).status).toBe(403);
    }
    const changed = await change({ old: ADA.password, password: 'better' });
    expect(changed.body).toEqual({ loggedOut: devices.length - 2 });
    expect(await statusOf('/account', token)).toBe(200);
  });

  it('tells the audit log, and counts bad logins', async () => {
    expect(running.output).toMatch(/Audit.*login: [0-9a-f]{15} from 127\.0\.0\.1/);
    expect(running.output).toMatch(/Audit.*refused: invalid_token, from/);
    const statuses: number[] = [];
    for (let round = 0; round < 11; round++) {
      statuses.push((await client.post('/auth/login', { body: { ...BOB, password: 'x' } })).status);
    }
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(await statusOf('/articles')).toBe(200);
  });
});
