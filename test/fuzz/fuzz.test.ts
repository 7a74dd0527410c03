import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STAGES } from '../support/databases.ts';
import type { FuzzRun } from './fuzz.main.ts';

/** `KNOX_FUZZ_COUNT=100000 KNOX_FUZZ_SEED=7 npm test -- test/fuzz` looks longer, and elsewhere. */
const COUNT = Number(process.env.KNOX_FUZZ_COUNT ?? 250);
const SEED = Number(process.env.KNOX_FUZZ_SEED ?? 1);
const FLOOD = 8_000;
const MEGABYTE = 2 ** 20;

describe.each(STAGES)('hostile requests on %s with %s', (database, adapter) => {
  let run: FuzzRun;
  let child: ChildProcess;
  beforeAll(
    async () => {
      const options = { adapter, database, seed: SEED, count: COUNT, flood: FLOOD };
      child = fork(
        new URL('fuzz.main.ts', import.meta.url),
        Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
        {
          execArgv: [
            '--expose-gc',
            '--import',
            new URL('../support/register.mjs', import.meta.url).href,
          ],
          silent: true,
        },
      );
      const printed = Promise.all([text(child.stdout!), text(child.stderr!)]);
      const reported = once(child, 'message').then(([message]) => message as FuzzRun);
      // A process that ends without a report has said why.
      const ended = printed.then((streams) => Promise.reject(new Error(streams.join('\n'))));
      run = await Promise.race([reported, ended]);
      await ended.catch(() => undefined);
    },
    300_000 + 200 * COUNT,
  );

  // It has ended, unless it hangs.
  afterAll(() => void child.kill('SIGKILL'));

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
      ]),
    );
  });

  it('leave no exception that nobody catches', () => {
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
