import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeOn } from '../support/describe-on.ts';
import { createDjangoDatabase } from '../support/django.ts';
import { Project, ROOT } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(120_000);

const SOURCES = join(ROOT, 'sample/02-django/src');
const FIXTURE = join(ROOT, 'test/fixtures/django-rest-knox');

describe('sample/02-django', () => {
  let project: Project;
  beforeAll(() => {
    project = new Project();
    for (const file of readdirSync(SOURCES)) {
      project.add(file, readFileSync(join(SOURCES, file), 'utf8'));
    }
  });
  afterAll(() => project.remove());

  const tour = async (env: Record<string, string>) => {
    const run = project.start(['--once'], { PORT: '0', FIXTURE, ...env });
    const { code } = await run.ended;
    const statuses = [...run.output.matchAll(/^ {3}(\d{3})\b/gm)].map(([, status]) => status);
    return [code, statuses.join(' '), run.output.includes('FAILED')];
  };
  const GOOD = [0, '200 401 401 200 200 204 401 200', false];

  it('takes Django’s tokens and passwords on an SQLite file of the fixture, and again', async () => {
    expect(await tour({})).toEqual(GOOD);
    expect(await tour({})).toEqual(GOOD);
  });

  describeOn(['postgres'], 'on %s', (name) => {
    it('takes them too', async () => {
      const database = await createDjangoDatabase(name);
      const { host, port, username, password, database: db } = database.options as any;
      const url = `postgres://${username}:${password}@${host}:${String(port)}/${db}`;
      expect(await tour({ DATABASE_URL: url })).toEqual(GOOD);
      await database.drop();
    });
  });
});
