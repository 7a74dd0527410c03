import { describe, expect, it } from '@jest/globals';
import { runFile } from '../support/child-process.ts';
import { DATABASES } from '../support/databases.ts';
import { createDjangoDatabase, TOKENS } from '../support/django.ts';
import type { ZoneSetup, TripResult, Job } from './django-zones.main.ts';

const HOUR = 3_600_000;

const ZONES: ZoneSetup[] = [
  { zone: 'Europe/Berlin', session: '-11:00' },
  { zone: 'America/New_York', session: '+13:00' },
  { zone: 'Asia/Kathmandu', session: '+05:45' },
];

/** Around the hours that come twice or not at all, and on milliseconds that a float would miss. */
const NOW: number[] = [
  Date.UTC(2026, 9, 25, 0, 15, 0, 999),
  Date.UTC(2026, 9, 25, 1, 15, 0, 999),
  Date.UTC(2027, 2, 28, 0, 30, 0, 1),
  Date.UTC(2027, 2, 28, 1, 30, 0, 569),
  Date.UTC(2026, 10, 1, 5, 30, 0, 57),
  Date.UTC(2026, 10, 1, 6, 30, 0, 0),
  Date.UTC(2027, 2, 14, 6, 30, 0, 681),
  Date.UTC(2027, 2, 14, 7, 30, 0, 290),
  Date.UTC(2038, 0, 19, 3, 0, 0, 7),
];

const STAGES = DATABASES.flatMap((name) => [
  { name, way: 'the compiled lookup', listening: false },
  { name, way: 'TypeORM', listening: true },
]);

describe.each(STAGES)('where zones differ, on $name by $way', ({ name, listening }) => {
  it('each token lives to its very millisecond, and is stored in UTC', async () => {
    const database = await createDjangoDatabase(name);
    const job: Job = {
      database: database.options,
      listening,
      zones: ZONES,
      instants: NOW,
      ttl: HOUR,
    };
    const main = new URL('django-zones.main.ts', import.meta.url);
    const { report: results } = await runFile<TripResult[]>(main, { job });
    await database.drop();
    const long = new Date(TOKENS.find(({ kind }) => kind === 'long')!.expiry!).toISOString();
    expect(results).toEqual(
      NOW.map((now) => {
        const expiry = new Date(now + HOUR).toISOString();
        return {
          stored: [textOf(name, now), textOf(name, now + HOUR)],
          read: expiry,
          listed: expiry,
          before: 200,
          at: 401,
          recorded: long,
        };
      }),
    );
  });
});

/** Django leaves out a fraction of zero on SQLite. */
function textOf(name: string, epochMs: number): string {
  const text = new Date(epochMs).toISOString().slice(0, 23).replace('T', ' ');
  return name === 'sqlite' && text.endsWith('.000') ? text.slice(0, 19) : `${text}000`;
}
