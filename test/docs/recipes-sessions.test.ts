import { afterEach, describe, expect, it } from '@jest/globals';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SessionToken, type TokenService } from '../../lib/index.ts';
import { PASSWORD, startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { pollFor } from '../support/polling.ts';
import { User } from '../support/users.ts';
import { KeysController, OrdersController } from './recipes/abilities.ts';
import * as columns from './recipes/feature-columns.ts';
import { SessionsController } from './recipes/described-sessions.ts';
import { AccountController } from './recipes/fresh-login.ts';
import { IdleSessions } from './recipes/idle-sessions.ts';
import * as limits from './recipes/limit-policy.ts';
import { Mailer, PasswordResetController } from './recipes/mailed-link.ts';
import { PushAddress } from './recipes/push-address.entity.ts';
import { Support } from './recipes/support.ts';
import { UsersModule } from './recipes/users.module.ts';

class SentMails extends Mailer {
  readonly sent: { user: User; text: string }[] = [];

  async send(user: User, text: string): Promise<void> {
    this.sent.push({ user, text });
  }
}

const CREDENTIALS = { username: 'john.doe', password: PASSWORD };

describe('a recipe about sessions', () => {
  let test: TestApp;
  const start = async (options: TestAppOptions) => {
    test = await startApp({
      entities: [User, SessionToken],
      ...options,
      knox: { tokenEntity: SessionToken, sessions: true, ...options.knox },
    });
    return {
      ...test,
      tokens: test.tokens as unknown as TokenService<SessionToken<User>>,
      rows: test.dataSource.getRepository<SessionToken<User>>(SessionToken),
    };
  };
  afterEach(() => test.close());

  it('has two columns of six, and what they switch on', async () => {
    const { client, john } = await start({
      knoxModule: columns.AuthModule,
      entities: [User, columns.AppToken],
    });
    const body = { ...CREDENTIALS, name: 'laptop' };
    const { token } = (await client.post('/auth/login', { body })).body;
    const current = () => client.get('/auth/sessions/current', { token });
    const { body: session } = await pollFor(
      current,
      (answer) => answer.body.lastUsed !== null,
      10_000,
    );
    expect(session).toMatchObject({ name: 'laptop', current: true });
    expect(Object.keys(session as object).sort()).toEqual(
      ['created', 'current', 'expiry', 'id', 'lastUsed', 'name'].sort(),
    );
    const tokens = test.tokens as unknown as TokenService<columns.AppToken>;
    await expect(tokens.create(john, { abilities: [] })).rejects.toThrow(TypeError);
    expect((await client.post('/auth/reauthenticate', { token, body })).status).toBe(404);
  });

  it('describes sessions in its own way', async () => {
    const { client, login, tokens, john } = await start({
      knox: { sessions: false },
      controllers: [SessionsController],
    });
    const token = await login();
    await tokens.create(john, { name: 'script', abilities: ['orders:read'] });
    const { body } = await client.get('/auth/sessions', { token });
    expect(body).toMatchObject([
      { name: 'script', isScript: true, current: false },
      { name: null, isScript: false, current: true },
    ]);
  });

  it('finds, renames and ends a session of a user', async () => {
    const { app, tokens, john, jane } = await start({ providers: [Support] });
    const { publicId } = (await tokens.create(john, { name: 'laptop' })).authToken;
    const support = app.get(Support);
    await expect(support.flag(jane, publicId)).rejects.toMatchObject({ status: 404 });
    expect(await support.end(jane, publicId)).toBe(false);
    expect((await support.flag(john, publicId))?.name).toBe('laptop (is this you?)');
    expect(await support.end(john, publicId)).toBe(true);
    expect(await tokens.list(john)).toEqual([]);
  });

  it('ends the session that was used least where a fourth one begins', async () => {
    const { client, login, rows } = await start({ knoxModule: limits.AuthModule });
    const [first, second, third] = [await login(), await login(), await login()];
    for (const token of [first, third]) await client.get('/me', { token });
    await pollFor(
      () => rows.find(),
      (found) => found.filter(({ lastUsed }) => lastUsed !== null).length === 2,
      10_000,
    );
    const fourth = await login();
    const statuses = [];
    for (const token of [first, second, third, fourth]) {
      statuses.push((await client.get('/me', { token })).status);
    }
    expect(statuses).toEqual([200, 401, 200, 200]);
    expect((await rows.find()).map(({ ip }) => ip)).toEqual([null, null, null]);
  });

  it('ends sessions that were not used for long', async () => {
    const { app, tokens, rows, john } = await start({ providers: [IdleSessions] });
    const old = new Date(Date.now() - 31 * 24 * 3_600_000);
    const [idle, used, young] = [
      await tokens.create(john),
      await tokens.create(john),
      await tokens.create(john),
    ].map(({ authToken }) => authToken.digest);
    await rows.update({ digest: idle! }, { created: old });
    await rows.update({ digest: used! }, { created: old, lastUsed: new Date() });
    expect(await app.get(IdleSessions).end(john)).toBe(1);
    const left = (await rows.find()).map(({ digest }) => digest);
    expect(left.sort()).toEqual([used, young].sort());
  });

  it('makes keys that can do no more than the token that asks for them', async () => {
    const { client, login, tokens, john } = await start({
      controllers: [KeysController, OrdersController],
    });
    const make = (token: string, body: object) => client.post('/keys', { token, body });
    const session = await login();
    const reader = (await make(session, { name: 'report' })).body.token as string;
    const writer = (await make(session, { name: 'import', mayWrite: true })).body.token as string;
    expect((await make(session, { name: '' })).status).toBe(400);
    const statuses = async (token: string) => {
      const get = await client.get('/orders', { token });
      const post = await client.post('/orders', { token });
      const remove = await client.send('/orders', { method: 'DELETE', token });
      return [get.status, get.body.canAdd, post.status, remove.status];
    };
    expect(await statuses(reader)).toEqual([200, false, 403, 403]);
    expect(await statuses(writer)).toEqual([200, true, 201, 403]);
    expect(await statuses(session)).toEqual([200, true, 201, 200]);
    expect((await make(writer, { name: 'more' })).body.code).toBe('insufficient_ability');
    const abilities = ['keys:create', 'orders:read'];
    const { token: maker } = await tokens.create(john, { abilities });
    expect((await make(maker, { name: 'reader' })).status).toBe(201);
    const refused = await make(maker, { name: 'writer', mayWrite: true });
    expect([refused.status, refused.body.code]).toEqual([403, 'insufficient_ability']);
  });

  it.each(DATABASES)('asks for a fresh login, and keeps what refers to it, on %s', async (name) => {
    const { client, login, rows, dataSource } = await start({
      database: name,
      controllers: [AccountController],
      entities: [User, SessionToken, PushAddress],
    });
    const token = await login();
    const [{ digest }] = (await rows.find()) as [SessionToken<User>];
    const addresses = dataSource.getRepository(PushAddress);
    await addresses.insert({ url: 'https://push.example', session: { digest } });
    await rows.update({ digest }, { created: new Date(Date.now() - 601_000) });
    const close = (own: string) => client.send('/account', { method: 'DELETE', token: own });
    expect((await close(token)).body.code).toBe('reauthentication_required');
    const answer = await client.post('/auth/reauthenticate', { token, body: CREDENTIALS });
    expect(answer.status).toBe(200);
    expect((await close(answer.body.token as string)).body).toEqual({ closed: 'john.doe' });
    expect((await close(token)).status).toBe(401);
    const [{ digest: replaced }] = (await rows.find()) as [SessionToken<User>];
    expect(replaced).not.toBe(digest);
    const [address] = await addresses.find({ relations: { session: true } });
    expect(address?.session.digest).toBe(replaced);
  });

  it('mails a link that sets a new password once', async () => {
    const { app, client, login, tokens, john } = await start({
      imports: [UsersModule, TypeOrmModule.forFeature([User])],
      controllers: [PasswordResetController],
      providers: [{ provide: Mailer, useClass: SentMails }],
    });
    const [session, stolen] = [await login(), await login()];
    const ask = async (username: string) => {
      const { status, text } = await client.post('/password-reset/mails', { body: { username } });
      return [status, text];
    };
    expect(await ask('john.doe')).toEqual(await ask('nobody'));
    const [mail, ...others] = app.get<SentMails>(Mailer).sent;
    expect(others).toEqual([]);
    const token = mail!.text.split('#')[1]!;
    const reset = async (own: string) =>
      client.post('/password-reset', { body: { token: own, password: 'better' } });
    const statusOf = async (own: string) => (await client.get('/me', { token: own })).status;
    expect(await statusOf(token)).toBe(403);
    const { token: key } = await tokens.create(john, { abilities: ['orders:read'] });
    expect((await reset(key)).body.code).toBe('insufficient_ability');
    expect((await reset(stolen)).status).toBe(403);
    expect(await statusOf(stolen)).toBe(401);
    expect(await login()).toMatch(/^[0-9a-f]{64}$/);
    expect((await reset(token)).body).toEqual({ loggedOut: 3 });
    expect((await reset(token)).body.code).toBe('invalid_token');
    expect(await statusOf(session)).toBe(401);
    await expect(login()).rejects.toThrow('invalid_credentials');
  });
});
