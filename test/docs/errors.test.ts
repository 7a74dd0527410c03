import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Logger, Module, UseGuards, type ModuleMetadata } from '@nestjs/common';
import { Entity, PrimaryGeneratedColumn } from 'typeorm';
import { PASSWORD } from '../support/app.ts';
import type { Answer } from '../support/http-client.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { closeModules, knox, memoryDatabase, startError } from '../support/test-module.ts';
import { User } from '../support/users.ts';
import { AuthToken, KnoxAuthGuard, KnoxModule } from '../../lib/index.ts';
import { codes, readDocument, section, tables } from './markdown.ts';

const ERRORS = readDocument('docs/reference/errors.md');
const COOKIE = '__Host-Http-session=x';

describe('the errors table of docs/reference/errors.md', () => {
  let test: SessionApp;
  beforeAll(async () => {
    test = await startSessionApp({
      knox: {
        tokenLimitPerUser: 1,
        cookie: true,
        verifyCredentials: async (username, password) => {
          if (username === 'broken') throw new Error('a fault');
          const user = await test.users.findOneBy({ username });
          return user?.password === password ? user : null;
        },
      },
    });
  });
  afterAll(() => test.close());

  const me = (authorization?: string) =>
    test.client.get('/me', authorization === undefined ? {} : { headers: { authorization } });
  const login = (username: unknown, password = PASSWORD) =>
    test.client.post('/auth/login', { body: { username, password } });

  /** Provokes the error of each row, in the order of the table. */
  const provoke: (() => Promise<Answer>)[] = [
    () => me(),
    () => me('Token'),
    () => me('Token two words'),
    () => test.client.get('/me', { headers: { cookie: [COOKIE, COOKIE] } }),
    () => me('Token unknown'),
    async () => {
      const { token } = await test.tokens.create(test.jane);
      await test.users.update({ id: test.jane.id }, { isActive: false });
      return me(`Token ${token}`);
    },
    () => login('john.doe', 'wrong'),
    () => login(1),
    async () => {
      const { token } = await test.tokens.create(test.john, { abilities: [], limit: null });
      return test.client.get('/orders', { token });
    },
    async () => {
      const { token, authToken } = await test.tokens.create(test.john, { limit: null });
      const created = new Date(Date.now() - 601_000);
      await test.rows.update({ digest: authToken.digest }, { created });
      return test.client.get('/orders/fresh', { token });
    },
    () => {
      const headers = { cookie: COOKIE, origin: 'https://evil.example' };
      return test.client.post('/auth/logout', { headers });
    },
    async () => {
      const { token } = await test.tokens.create(test.john, { limit: null });
      const unknown = `/auth/sessions/${'0'.repeat(32)}`;
      return test.client.send(unknown, { method: 'DELETE', token });
    },
    async () => {
      await test.rows.clear();
      await test.login('john.doe');
      return login('john.doe');
    },
    () => login('broken'),
  ];

  it('says what is answered', async () => {
    const [rows] = tables(section(ERRORS, 'Errors'));
    expect(rows).toHaveLength(provoke.length);
    for (const [i, [, status, message, code]] of rows!.entries()) {
      const answer = await provoke[i]!();
      expect({ status: answer.status, code: answer.body.code }).toEqual({
        status: Number(status),
        code: codes(code!)[0],
      });
      expect(answer.body.statusCode).toBe(answer.status);
      if (message !== 'says what is wrong') expect(answer.body.message).toBe(message);
    }
  });
});

describe('a message in the troubleshooting table of docs/reference/errors.md', () => {
  @Entity('accounts')
  class Account {
    @PrimaryGeneratedColumn()
    id!: number;
  }

  @Controller()
  @UseGuards(KnoxAuthGuard)
  class GuardedController {}

  @Module({ controllers: [GuardedController] })
  class GuardedModule {}

  const good = knox();
  const made = (result: object) => KnoxModule.forRootAsync({ useFactory: () => result });

  /** The entities and imports with which an application gets each message. */
  const provoke: Record<string, [entities: unknown[], ...NonNullable<ModuleMetadata['imports']>]> =
    {
      'Entity metadata for AuthToken#user was not found.': [[Account, AuthToken], good],
      'the data source does not know AuthToken': [[Account], good],
      'KnoxModule is imported more than once': [[User, AuthToken], good, knox({ path: 'twice' })],
      'KnoxModule is imported without options': [[User, AuthToken], KnoxModule],
      'is a static option; write it beside useFactory': [
        [User, AuthToken],
        made({ path: 'login' }),
      ],
      'there is no such option': [[User, AuthToken], made({ tokenTTL: '10h' })],
      'the login needs it; give verifyCredentials': [[User, AuthToken], made({})],
      'Please make sure that the "realms" property is available': [
        [User, AuthToken],
        GuardedModule,
      ],
    };
  const [rows] = tables(section(ERRORS, 'Troubleshooting'));
  const messages = rows!.flatMap(([symptom]) => /^`([^`]+)`$/.exec(symptom!)?.[1] ?? []);
  // No log: TypeORM's module warns of a second data source of one name, though these are different applications.
  beforeAll(() => Logger.overrideLogger(false));
  afterEach(closeModules);

  it('is one that is provoked here', () => {
    expect(messages).toEqual(Object.keys(provoke));
  });

  it.each(messages)('is what the app says: %s', async (message) => {
    const [entities, ...imports] = provoke[message]!;
    const database = memoryDatabase({ entities: entities as (typeof User)[] });
    const { message: said } = await startError({ imports: [database, ...imports] });
    expect(said).toContain(message);
  });
});
