import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { DjangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { DATABASES, type DatabaseName } from '../support/databases.ts';
import { Note } from '../support/django-owners.ts';
import { createDjangoDatabase, startDjangoApp } from '../support/django.ts';

const DJANGO = "('auth_user', 'knox_authtoken')";

/** The schema of Django's tables as the database reports it. */
const DESCRIPTIONS: Record<DatabaseName, readonly string[]> = {
  sqlite: [`SELECT sql FROM sqlite_master WHERE tbl_name IN ${DJANGO} ORDER BY name`],
  postgres: [
    `SELECT * FROM information_schema.columns WHERE table_name IN ${DJANGO} ORDER BY table_name, column_name`,
    `SELECT indexdef FROM pg_indexes WHERE tablename IN ${DJANGO} ORDER BY 1`,
    `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text IN ${DJANGO} ORDER BY 1`,
  ],
  mariadb: ['SHOW CREATE TABLE auth_user', 'SHOW CREATE TABLE knox_authtoken'],
};

const ENTITIES = [DjangoUser, DjangoAuthToken, Note];

describe.each(DATABASES)('Django’s tables on %s', (name) => {
  it('are left alone by synchronize and by migration:generate', async () => {
    const database = await createDjangoDatabase(name);
    const dataSource = await new DataSource({
      ...database.options,
      entities: ENTITIES,
    }).initialize();
    const describeTables = () =>
      Promise.all(DESCRIPTIONS[name].map((sql) => dataSource.query(sql)));
    const before = await describeTables();
    // The statements that migration:generate would write.
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    const written = upQueries.map(({ query }) => query).filter((query) => !query.includes('notes'));
    expect(written).toEqual([]);
    expect(upQueries.length).toBeGreaterThan(0);
    const test = await startDjangoApp(database, { entities: ENTITIES });
    await test.login('john.doe');
    await test.dataSource.getRepository(Note).count();
    const after = await dataSource.driver.createSchemaBuilder().log();
    expect(after.upQueries).toEqual([]);
    expect(await describeTables()).toEqual(before);
    await test.close();
    await dataSource.destroy();
    await database.drop();
  });
});
