import { beforeAll, describe, expect, it } from '@jest/globals';
import { runFile } from '../support/child-process.ts';
import { createDatabase, STAGES } from '../support/databases.ts';
import type { Job, Report } from './secrets.main.ts';

/** The shortest piece of a token that must not be found: one character more than `token_key` shows. */
const TOKEN_PIECE = 16;
const PASSWORD_PIECE = 6;

/** All pieces of the secrets that have this length. */
function piecesOf(secrets: string[], length: number): Set<string> {
  const pieces = new Set<string>();
  for (const secret of secrets) {
    for (let i = 0; i + length <= secret.length; i++) pieces.add(secret.slice(i, i + length));
  }
  return pieces;
}

/** The places where a piece was found, with the text around them. */
function findings(haystack: string, pieces: Set<string>, length: number): string[] {
  const found: string[] = [];
  for (let i = 0; i + length <= haystack.length; i++) {
    if (!pieces.has(haystack.slice(i, i + length))) continue;
    found.push(haystack.slice(Math.max(0, i - 100), i + 100));
    i += 100;
  }
  return found;
}

describe.each(STAGES)('on %s with %s, with everything logged', (name, adapter) => {
  let report: Report;
  let output: string;
  beforeAll(async () => {
    const database = await createDatabase(name);
    const job: Job = { database: database.options, adapter };
    ({ report, output } = await runFile<Report>(new URL('secrets.main.ts', import.meta.url), {
      job,
      // A terminal and CI would have colours, which part the words that are searched for.
      env: { NO_COLOR: '1', FORCE_COLOR: '0' },
    }));
    await database.drop();
  }, 30_000);

  it('every path is taken, and its messages and events are there', () => {
    expect(Object.keys(report.statuses)).toEqual(['200', '204', '400', '401', '403', '500', '503']);
    expect(output).toMatch(/INSERT INTO .knox_auth_token/);
    expect(output).toMatch(/is slow/i);
    expect(output).toMatch(/Authentication is unavailable: .*knox_auth_token/);
    expect(output).toContain('The listener fails.');
    expect(report.captured.join()).toMatch(/TokenCreatedEvent.*AuthFailedEvent/s);
    const keys = report.tokens.map((token) => token.slice(0, 15));
    expect(keys.filter((key) => output.includes(key)).length).toBeGreaterThan(5);
  });

  it('no token is printed, thrown, sent or stored, nor a piece longer than its key', () => {
    const pieces = piecesOf(report.tokens, TOKEN_PIECE);
    expect(findings(output, pieces, TOKEN_PIECE)).toEqual([]);
    expect(findings(report.captured.join('\n'), pieces, TOKEN_PIECE)).toEqual([]);
  });

  it('no password is printed, thrown, sent or stored, nor a piece of one', () => {
    const encoded = report.passwords.map((password) => password.slice(3));
    const basic = report.passwords.flatMap((password) =>
      ['john.doe', 'nobody'].map((user) => Buffer.from(`${user}:${password}`).toString('base64')),
    );
    const pieces = piecesOf(encoded, PASSWORD_PIECE);
    for (const haystack of [output, report.captured.join('\n')]) {
      expect(findings(haystack, pieces, PASSWORD_PIECE)).toEqual([]);
      for (const credentials of basic) expect(haystack).not.toContain(credentials);
    }
  });
});
