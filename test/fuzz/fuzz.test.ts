import { beforeAll, describe, expect, it } from '@jest/globals';
import { runFile } from '../support/child-process.ts';
import { STAGES } from '../support/databases.ts';
import type { FuzzRun } from './fuzz.main.ts';

/** `KNOX_FUZZ_COUNT=100000 KNOX_FUZZ_SEED=7 npm test -- test/fuzz` sends more requests, and others. */
const COUNT = Number(process.env.KNOX_FUZZ_COUNT ?? 250);
const SEED = Number(process.env.KNOX_FUZZ_SEED ?? 1);
const FLOOD = 8_000;
const TIMEOUT_MS = 300_000 + 200 * COUNT;
const MEGABYTE = 2 ** 20;

describe.each(STAGES)('hostile requests on %s with %s', (database, adapter) => {
  let run: FuzzRun;
  beforeAll(async () => {
    const options = { adapter, database, seed: SEED, count: COUNT, flood: FLOOD };
    const main = new URL('fuzz.main.ts', import.meta.url);
    const { report } = await runFile<FuzzRun>(main, {
      args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      nodeOptions: ['--expose-gc'],
      timeoutMs: TIMEOUT_MS,
    });
    run = report;
  }, TIMEOUT_MS);

  it('get no 5xx, open nothing without right, write nothing, and end in time', () => {
    expect(run.fuzz.failures).toEqual([]);
    expect(run.fuzz.requests).toBe(COUNT);
  });

  it('are of all sorts: some are taken, others refused by the package, by the adapter, by Node', () => {
    expect(Object.keys(run.fuzz.statuses)).toEqual(
      expect.arrayContaining(['200', '400', '401', '431']),
    );
    expect(Object.keys(run.fuzz.codes)).toEqual(
      expect.arrayContaining([
        'invalid_credentials',
        'invalid_header',
        'invalid_request',
        'invalid_token',
        'not_authenticated',
        'unknown_session',
      ]),
    );
  });

  it('are good logouts with any body too, hostile ids and names of sessions, and tokens that are ended beside an open socket', () => {
    expect(run.fuzz.logouts).toBeGreaterThan(0);
    expect(run.fuzz.sessions).toBeGreaterThan(0);
    expect(run.fuzz.sockets).toBeGreaterThan(0);
  });

  it('leave no uncaught exception', () => {
    expect(run.uncaught).toEqual([]);
  });

  it('leave nothing in memory', () => {
    expect(run.growth.fuzz).toBeLessThan(4 * MEGABYTE);
  });

  it('that bring unknown tokens by the thousand are refused, and cost no write', () => {
    expect(run.flood.statuses).toEqual({ 401: FLOOD });
    expect(run.flood.reads).toBeGreaterThan(0);
    expect(run.flood.writes).toBe(0);
  });

  it('that bring unknown tokens by the thousand leave nothing in memory', () => {
    // Four thousand tokens of 266 characters would be more.
    expect(run.growth.flood).toBeLessThan(MEGABYTE);
  });
});
