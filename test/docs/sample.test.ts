import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { runCurl } from './curl.ts';
import { Project, ROOT, type Running } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(30_000);

const SOURCES = join(ROOT, 'sample/01-quickstart/src');

describe('sample/01-quickstart', () => {
  let project: Project;
  let tour: Running;
  let misled: Running;
  beforeAll(async () => {
    project = new Project();
    for (const file of readdirSync(SOURCES)) {
      project.add(file, readFileSync(join(SOURCES, file), 'utf8'));
    }
    tour = project.start(['--once'], { PORT: '0' });
    misled = project.start(['--once'], { PORT: 'http' });
    await Promise.all([tour.ended, misled.ended]);
  });
  afterAll(() => project.remove());

  it('shows a session from end to end and ends with 0', async () => {
    expect(tour.output).not.toContain('FAILED');
    const statuses = [...tour.output.matchAll(/^ {3}(\d{3})\b/gm)].map(([, status]) => status);
    expect(statuses.join(' ')).toBe('401 401 200 200 200 204 401 200 200 204 401 401');
    expect(await tour.ended).toEqual({ code: 0, signal: null });
  });

  it('stores an argon2 hash, and no raw token', async () => {
    const database = join(project.folder, 'app.db');
    const dataSource = await new DataSource({ type: 'better-sqlite3', database }).initialize();
    const [user] = await dataSource.query('SELECT "passwordHash" FROM "users"');
    await dataSource.destroy();
    expect(user.passwordHash).toMatch(/^\$argon2id\$/);
    const tokens = [...tour.output.matchAll(/"token":"([0-9a-f]{64})"/g)].map(([, token]) => token);
    expect(tokens).toHaveLength(3);
    const bytes = readFileSync(database, 'latin1');
    expect(tokens.filter((token) => bytes.includes(token!))).toEqual([]);
  });

  describe('started again on the same file', () => {
    let again: Running;
    let url: string;
    beforeAll(async () => {
      again = project.start([], { PORT: '0' });
      const [, found] = await again.printed(/next one:\n.*(http:\/\/\S+)\/auth\/login[^\n]*\n/s);
      url = found!;
    });

    it('stays up, with lines for curl that work', async () => {
      const [, mine] = again.output.split('Now you.');
      const lines = [...mine!.matchAll(/^ {3}(curl .*)$/gm)].map(([, line]) => line!);
      const statuses: number[] = [];
      for (const line of lines) statuses.push((await runCurl(line)).status);
      expect(statuses).toEqual([200, 204, 200]);
    });

    it('answers an unknown user as it does a wrong password', async () => {
      const login = async (username: string, password: string) => {
        const body = JSON.stringify({ username, password });
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(`${url}/auth/login`, { method: 'POST', headers, body });
        return { status: answer.status, text: await answer.text() };
      };
      const unknown = await login('nobody', 'correct horse');
      expect(unknown.status).toBe(401);
      expect(unknown).toEqual(await login('ada', 'wrong horse'));
    });

    it('says so where the port is taken', async () => {
      const { port } = new URL(url);
      const second = project.start(['--once'], { PORT: port });
      expect(await second.ended).toEqual({ code: 1, signal: null });
      expect(second.output).toContain(`Port ${port} is in use.`);
      expect(second.output).toContain('PORT=3001 npm run sample');
    });

    it('ends at Ctrl-C', async () => {
      again.child.kill('SIGINT');
      expect(await again.ended).toEqual({ code: null, signal: 'SIGINT' });
    });
  });

  it('says what PORT may be', async () => {
    expect(await misled.ended).toEqual({ code: 1, signal: null });
    expect(misled.output).toContain('PORT must be a number from 0 to 65535');
  });
});
