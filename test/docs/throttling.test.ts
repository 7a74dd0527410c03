import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AdapterName } from '../support/app.ts';
import { Project, ROOT } from './project.ts';
import type { ThrottlingReport } from './throttling.main.ts';

jest.setTimeout(60_000);

/** As the recipe has it. */
const LIMIT = 10;
const BAD_LOGINS = 1_000;
const FILES = [
  'docs/throttling.main.ts',
  'docs/recipes/throttling.ts',
  'docs/recipes/user.entity.ts',
  'docs/recipes/users.module.ts',
  'docs/recipes/users.service.ts',
  'support/http-client.ts',
  'support/users.ts',
];

describe('throttling, as in docs/guide/login.md', () => {
  let project: Project;
  beforeAll(() => {
    project = new Project();
    for (const file of FILES) project.add(file, readFileSync(join(ROOT, 'test', file), 'utf8'));
    project.add('main.ts', "import './docs/throttling.main.js';");
  });
  afterAll(() => project.remove());

  describe.each<AdapterName>(['express', 'fastify'])('on %s', (adapter) => {
    let report: ThrottlingReport;
    beforeAll(async () => {
      const app = project.start([adapter, String(BAD_LOGINS)], {});
      const [line] = await app.printed(/^\{.*\}$/m);
      await app.ended;
      report = JSON.parse(line) as ThrottlingReport;
    });

    it('answers a thousand bad logins with ten 401s, and the others with 429s', () => {
      expect(report.bad.slice(0, LIMIT)).toEqual(Array(LIMIT).fill(401));
      expect(report.bad.slice(LIMIT)).toEqual(Array(BAD_LOGINS - LIMIT).fill(429));
    });

    it('asks verifyCredentials ten times, and no more', () => {
      expect(report.asked).toBe(LIMIT);
    });

    it('lets the right password wait too, whichever way it is sent', () => {
      expect(report.good.map(({ status }) => status)).toEqual([429, 429]);
      for (const { retryAfter } of report.good) expect(Number(retryAfter)).toBeGreaterThan(0);
      expect(report.askedForGood).toBe(0);
    });

    it('counts no other route', () => {
      expect(report.others).toEqual([...Array<number>(20).fill(401), 204]);
    });
  });
});
