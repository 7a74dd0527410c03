import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { runFile } from '../support/child-process.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { startOwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';
import { ENTITIES } from './migrations.data-source.ts';

/** TypeORM's command line, in another process: it loads modules as Jest cannot, and exits. */
const COMMANDS = new URL('migrations.main.ts', import.meta.url);

describe('migration:generate and migration:run', () => {
  const folders = DATABASES.map(() => mkdtempSync(join(tmpdir(), 'nestjs-knox-migrations-')));
  let databases: TestDatabase[];
  beforeAll(async () => {
    databases = await Promise.all(DATABASES.map(createDatabase));
    const job = databases.map(({ options }, i) => [options, folders[i]!]);
    const { report: exitCodes } = await runFile(COMMANDS, { job });
    expect(exitCodes).toEqual(DATABASES.map(() => [0, 0]));
  }, 30_000);
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.drop()));
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
  });

  describe.each(DATABASES.map((name, i) => [name, i] as const))('on %s', (_, index) => {
    let dataSource: DataSource;
    beforeAll(async () => {
      dataSource = await new DataSource({
        ...databases[index]!.options,
        entities: ENTITIES,
      }).initialize();
    });
    afterAll(() => dataSource.destroy());

    it('write one migration, after which schema and entities agree', async () => {
      const written = await readdir(folders[index]!);
      expect(written).toEqual([expect.stringMatching(/^\d+-Tokens\.js$/), 'data-source.mjs']);
      const { upQueries, downQueries } = await dataSource.driver.createSchemaBuilder().log();
      expect([upQueries, downQueries]).toEqual([[], []]);
    });

    it.each([
      ['the default token entity', User, AuthToken, 'knox_auth_token'],
      ['its own token entity', Member, DeviceToken, 'device_token'],
    ] as const)('give an application with %s its tables', async (_kind, owner, entity, table) => {
      const users = dataSource.getRepository<Member | User>(owner);
      await users.save(users.create({ username: 'john', password: '', isActive: true }));
      const test = await startOwnerApp({
        dataSource: {
          ...databases[index]!.options,
          entities: [owner, entity],
          synchronize: false,
        },
        owner,
        knox: { tokenEntity: entity },
      });
      const token = await test.login('john');
      expect((await test.client.get('/owner', { token })).body).toMatchObject({ username: 'john' });
      await test.close();
      expect(await dataSource.query(`SELECT token_key FROM ${table}`)).toEqual([
        { token_key: token.slice(0, 15) },
      ]);
    });
  });
});
