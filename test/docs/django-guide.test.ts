import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DATABASES, type TestDatabase } from '../support/databases.ts';
import { createDjangoDatabase, tokenOf } from '../support/django.ts';
import type { GuideJob, GuideReport } from './django-guide.main.ts';
import { Project, ROOT } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(120_000);

const FILES = [
  'docs/django-guide.main.ts',
  'docs/recipes/django/tokens.module.ts',
  'docs/recipes/django/django-users.service.ts',
  'docs/recipes/django/app.module.ts',
  'support/http-client.ts',
];

/** The one line of the guide that a test cannot take as it stands. */
const DATABASE = /type: 'postgres',\s*url: process\.env\.DATABASE_URL,/;

/** What code.test.ts compares with docs/from/django-rest-knox.md to the letter, run as one program. */
describe.each(DATABASES)('the code of the guide on Django’s tables on %s', (name) => {
  let project: Project;
  let database: TestDatabase;
  let report: GuideReport;
  beforeAll(async () => {
    database = await createDjangoDatabase(name);
    const options = JSON.stringify(database.options);
    project = new Project();
    for (const file of FILES) {
      const source = readFileSync(join(ROOT, 'test', file), 'utf8');
      project.add(file, source.replace(DATABASE, `...(${options} as object),`));
    }
    project.add('main.ts', "import './docs/django-guide.main.js';");
    const job: GuideJob = {
      database: database.options,
      token: tokenOf('long'),
      weakHash: 'pbkdf2_sha256$1$seasalt$BeQxnYbPimjtMKP+1d76cSBEWNplSSRMVH78gI2Cs38=',
    };
    const app = project.start([JSON.stringify(job)], {});
    const [line] = await app.printed(/^\{.*\}$/m);
    await app.ended;
    report = JSON.parse(line) as GuideReport;
  });
  afterAll(async () => {
    await project.remove();
    await database.drop();
  });

  it('takes Django’s tokens while Django keeps the login, and has no routes', () => {
    expect(report.loginLast).toEqual({ me: [200, { username: 'john.doe' }], login: 404 });
  });

  it('takes Django’s passwords, and answers as Django does', () => {
    const { me, logins, newToken } = report.loginFirst;
    const good = [
      200,
      {
        token: expect.stringMatching(/^[0-9a-f]{64}$/),
        expiry: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}000)?-0[56]:00$/),
      },
    ];
    const refused = [401, { detail: 'Invalid username/password.' }];
    expect(me).toEqual([200, { username: 'john.doe' }]);
    expect(newToken).toBe(200);
    expect(logins).toEqual({
      right: good,
      'right, by JSON': good,
      wrong: refused,
      unknown: refused,
      inactive: refused,
      'inactive, wrong': refused,
    });
  });

  it('makes passwords as strong as Django’s are now', () => {
    expect(report.loginFirst.hash).toMatch(/^pbkdf2_sha256\$600000\$/);
  });
});
