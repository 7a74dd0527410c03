import { fork } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, DATABASES } from '../support/databases.ts';
import type { Arrival, Journey, Journeys, Place } from './zones.main.ts';

const HOUR = 3_600_000;

const BERLIN: Place = { zone: 'Europe/Berlin', sessionHours: 0 };
const NEW_YORK: Place = { zone: 'America/New_York', sessionHours: -5 };
const KIRIBATI: Place = { zone: 'Pacific/Kiritimati', sessionHours: 13 };
const SAMOA: Place = { zone: 'Pacific/Pago_Pago', sessionHours: -11 };
const NEPAL: Place = { zone: 'Asia/Kathmandu', sessionHours: 5 };

const JOURNEYS: [string, Journey, localTimes: Arrival['localTimes']][] = [
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

describe.each(DATABASES)('a token on %s that is used where the clocks differ', (name) => {
  let arrivals: Arrival[];
  beforeAll(async () => {
    const database = await createDatabase(name);
    const child = fork(new URL('zones.main.ts', import.meta.url), {
      execArgv: ['--import', new URL('../support/register.mjs', import.meta.url).href],
    });
    const journeys = JOURNEYS.map(([, journey]) => journey);
    child.send({ database: database.options, ttl: HOUR, journeys } satisfies Journeys);
    [arrivals] = (await once(child, 'message')) as [Arrival[]];
    await once(child, 'exit');
    await database.drop();
  }, 20_000);

  it.each(JOURNEYS)('%s lives to its very millisecond', (_, journey, localTimes) => {
    const index = JOURNEYS.findIndex(([, { now }]) => now === journey.now);
    const expiry = journey.now + HOUR;
    const text = new Date(expiry).toISOString();
    expect(arrivals[index]).toEqual({
      localTimes,
      expiry: text,
      stored: expiry,
      before: [200, text],
      at: [401, 'invalid_token'],
    });
  });
});
