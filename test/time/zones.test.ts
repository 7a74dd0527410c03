import { beforeAll, describe, expect, it } from '@jest/globals';
import { runFile } from '../support/child-process.ts';
import { createDatabase, DATABASES } from '../support/databases.ts';
import type { TripResult, TokenTrip, Job, ZoneSetup } from './zones.main.ts';

const HOUR = 3_600_000;

const BERLIN: ZoneSetup = { zone: 'Europe/Berlin', sessionHours: 0 };
const NEW_YORK: ZoneSetup = { zone: 'America/New_York', sessionHours: -5 };
const KIRIBATI: ZoneSetup = { zone: 'Pacific/Kiritimati', sessionHours: 13 };
const SAMOA: ZoneSetup = { zone: 'Pacific/Pago_Pago', sessionHours: -11 };
const NEPAL: ZoneSetup = { zone: 'Asia/Kathmandu', sessionHours: 5 };

const TRIPS: [string, TokenTrip, localTimes: TripResult['localTimes']][] = [
  [
    'a day further',
    { now: Date.UTC(2026, 6, 1, 10, 30, 0, 123), from: KIRIBATI, to: SAMOA },
    ['Thu Jul 02 2026 00:30:00', 'Tue Jun 30 2026 23:30:00'],
  ],
  [
    'into the hour that comes twice',
    { now: Date.UTC(2026, 9, 25, 0, 15, 0, 999), from: BERLIN, to: { ...BERLIN, sessionHours: 1 } },
    ['Sun Oct 25 2026 02:15:00', 'Sun Oct 25 2026 02:15:00'],
  ],
  [
    'across the hour that is missing',
    { now: Date.UTC(2026, 2, 8, 6, 30, 0, 1), from: NEW_YORK, to: NEPAL },
    ['Sun Mar 08 2026 01:30:00', 'Sun Mar 08 2026 12:15:00'],
  ],
  [
    'before the year 2038 and past it',
    { now: Date.UTC(2038, 0, 19, 3, 0, 0, 7), from: SAMOA, to: KIRIBATI },
    ['Mon Jan 18 2038 16:00:00', 'Tue Jan 19 2038 17:00:00'],
  ],
];

describe.each(DATABASES)('a token on %s that is used in another time zone', (name) => {
  let results: TripResult[];
  beforeAll(async () => {
    const database = await createDatabase(name);
    const job: Job = {
      database: database.options,
      ttl: HOUR,
      trips: TRIPS.map(([, trip]) => trip),
    };
    const main = new URL('zones.main.ts', import.meta.url);
    results = (await runFile<TripResult[]>(main, { job })).report;
    await database.drop();
  }, 20_000);

  it.each(TRIPS)('%s lives to its very millisecond', (_, trip, localTimes) => {
    const index = TRIPS.findIndex(([, { now }]) => now === trip.now);
    const expiry = trip.now + HOUR;
    const text = new Date(expiry).toISOString();
    expect(results[index]).toEqual({
      localTimes,
      expiry: text,
      stored: expiry,
      before: [200, text],
      at: [401, 'invalid_token'],
    });
  });
});
