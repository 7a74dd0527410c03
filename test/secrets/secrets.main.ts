import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import { AuthToken, TokenService } from '../../lib/index.ts';
import type { AdapterName } from '../support/app.ts';
import { HttpClient, type Answer, type Sending } from '../support/http-client.ts';
import { User } from '../support/users.ts';
import { createExpired } from '../support/expired-token.ts';
import { capture, captured, faults, hashed, startInstrumentedApp } from './secrets.app.ts';

export interface Job {
  database: TypeOrmModuleOptions;
  adapter: AdapterName;
}

export interface Report {
  /** The secrets that must not be found. */
  tokens: string[];
  passwords: string[];
  /** Errors, events, answers and the contents of the database as text. */
  captured: string[];
  /** How many answers had each status, to show that all paths were taken. */
  statuses: Record<number, number>;
}

const [{ database, adapter }] = (await once(process, 'message')) as [Job];
const { app, dataSource, url } = await startInstrumentedApp(adapter, database);
const client = new HttpClient(url);
const service = app.get(TokenService);
const report: Report = { tokens: [], passwords: [], captured, statuses: {} };

const canary = () => randomBytes(32).toString('hex');
const keepToken = (token: string): string => {
  report.tokens.push(token);
  return token;
};
const newPassword = (): string => {
  const password = `pw-${randomBytes(12).toString('base64url')}`;
  report.passwords.push(password);
  return password;
};

const password = newPassword();
const users = dataSource.getRepository(User);
const john = await users.save(
  users.create({ username: 'john.doe', password: hashed(password), isActive: true }),
);
const credentials = { username: 'john.doe', password };

async function send(method: 'get' | 'post', path: string, sending: Sending): Promise<Answer> {
  const answer = await client[method](path, sending);
  report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1;
  const isGoodLogin = path === '/auth/login' && answer.status === 200;
  if (isGoodLogin) keepToken(answer.body.token);
  capture(isGoodLogin ? answer.headers : answer);
  return answer;
}

const login = (sending: Sending) => send('post', '/auth/login', sending);
const goodLogin = async (): Promise<string> => (await login({ body: credentials })).body.token;
const call = (token: string) => send('get', '/me', { token });
const attempt = async (work: () => unknown): Promise<void> => {
  try {
    capture(await work());
  } catch (error) {
    capture(error);
  }
};

async function goodPaths(): Promise<void> {
  const token = await goodLogin();
  await call(token);
  await send('get', '/passport', { token });
  await login({ basic: ['john.doe', password] });
  await send('post', '/auth/logout', { token });
  await call(token);
  await send('get', '/passport', { token });
  await send('post', '/auth/logoutall', { token: await goodLogin() });
  // Past the limit. On a busy machine a login may be a 503, so that more of them are needed.
  for (let i = 0; report.statuses[403] === undefined && i < 50; i++) {
    await login({ body: credentials });
  }
  await service.revokeAll(john);
  const { token: expired } = await createExpired(service, john);
  await call(keepToken(expired));
}

async function badLogins(): Promise<void> {
  const wrong = newPassword();
  await login({ body: { ...credentials, password: wrong } });
  await login({ basic: ['john.doe', wrong] });
  await login({ basic: ['nobody', wrong] });
  await login({ basic: ['john.doe', password], body: credentials });
  await login({ body: { ...credentials, password: [wrong] } });
  await login({ body: { username: 'john.doe', password: `${wrong}\0` } });
  await login({ body: { username: { $ne: wrong }, password: wrong } });
  await login({ body: [wrong] });
  for (const body of [
    `{"username": "john.doe", "password": ${wrong}}`,
    `{"username": "john.doe", "password": "${wrong}`,
    `{"username": "john.doe", "password": "${wrong}",}`,
    wrong,
  ]) {
    await login({ body });
    await login({ body, headers: { 'content-type': 'text/plain' } });
  }
  const form = `username=john.doe&password=${wrong}`;
  await login({ body: form, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  const basic = (text: string) => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`;
  for (const authorization of [
    basic(`john.doe:${wrong}\xff`),
    basic(`john.doe${wrong}`),
    basic(`john.doe:${wrong}\n`),
    `Basic john.doe:${wrong}`,
    `Basic ${wrong} ${wrong}`,
    [basic(`john.doe:${wrong}`), basic(`john.doe:${wrong}`)],
  ]) {
    await login({ headers: { authorization } });
  }
}

async function badTokens(): Promise<void> {
  const good = await goodLogin();
  const unknown = keepToken(canary());
  for (const value of [
    `Token ${unknown}`,
    `Token ${good}x`,
    `Token ${unknown} ${good}`,
    `Token ${unknown.repeat(10)}`,
    `Token ${unknown}.${unknown}.x`,
    `Token é${unknown}`,
    `Token`,
    `Bearer ${unknown}`,
    unknown,
    [`Token ${good}`, `Token ${unknown}`],
  ]) {
    for (const path of ['/me', '/passport']) {
      await send('get', path, { headers: { authorization: value } });
    }
    await send('post', '/auth/logout', { headers: { authorization: value } });
  }
}

async function serviceCalls(): Promise<void> {
  const { token, authToken } = await service.create(john);
  keepToken(token);
  const wrong = { token } as never;
  await attempt(() => service.authenticate(token));
  await attempt(() => service.authenticate(Buffer.from(token) as never));
  await attempt(() => service.authenticate(wrong));
  await attempt(() => service.revoke(wrong));
  await attempt(() => service.revoke([token] as never));
  await attempt(() => service.revokeAll(john, { except: wrong }));
  await attempt(() => service.revokeAll(token as never));
  await attempt(() => service.create(token as never));
  await attempt(() => service.create({ id: token }));
  await attempt(() => service.create(john, { prefix: token }));
  await attempt(() => service.create(john, { ttl: token as never }));
  await attempt(() => service.create(john, { limit: token as never }));
  await attempt(() => service.create(john, { columns: { deviceName: token } }));
  await attempt(() => service.create(john, { columns: token }));
  await attempt(() => service.create(john, { device: token } as never));
  await attempt(() => service.list(john));
  await attempt(() => service.list(token as never));
  await attempt(() => service.revoke(authToken));
  await attempt(() => service.revoke(token));
  await attempt(() => service.deleteExpired());
}

async function faultyPaths(): Promise<void> {
  const token = await goodLogin();
  const refused = newPassword();
  const every = async (): Promise<void> => {
    await call(token);
    await login({ body: credentials });
    await login({ basic: ['john.doe', refused] });
    await send('post', '/auth/logoutall', { token });
    await send('get', '/passport', { token });
    await attempt(() => service.authenticate(token));
    await attempt(() => service.revoke(token));
    await attempt(() => service.deleteExpired());
  };
  for (const credentialsFault of ['throw', 'hang']) {
    faults.credentials = credentialsFault;
    await login({ body: credentials });
  }
  faults.credentials = '';
  for (const fault of ['serializer', 'hook', 'listener'] as const) {
    faults[fault] = true;
    await login({ body: credentials });
    await call(token);
    faults[fault] = false;
  }
  await dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
  await every();
  await dataSource.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
  await dataSource.query('ALTER TABLE users RENAME TO others');
  await every();
  await dataSource.query('ALTER TABLE others RENAME TO users');
  // Insert a digest twice: the driver's error carries the parameters of its query.
  const { authToken, token: twice } = await service.create(john);
  keepToken(twice);
  await attempt(() => dataSource.getRepository(AuthToken).insert(authToken));
}

await goodPaths();
await badLogins();
await badTokens();
await serviceCalls();
await service.revokeAll(john);
await faultyPaths();
for (const table of ['users', 'knox_auth_token']) {
  capture(await dataSource.query(`SELECT * FROM ${table}`));
}
const { type, database: path } = dataSource.options;
if (type === 'better-sqlite3') captured.push(await readFile(path, 'latin1'));
await app.close();
process.send!(report, () => process.disconnect());
