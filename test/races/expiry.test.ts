import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { watching } from '../support/watching.ts';
import { GROUNDS, Race, tally, times } from './two-processes.ts';

const HOUR = 3_600_000;
const REFRESHING = { autoRefresh: true, tokenTtl: '10h', minRefreshInterval: '1h' } as const;

/** More than one batch. */
const EXPIRED_EACH = 60;
const OWNERS = Array.from({ length: 10 }, (_, index) => index + 1);

describe.each(GROUNDS)('Refreshes in two processes, on $name', (ground) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(ground, REFRESHING);
  });

  afterAll(() => race.close());

  it.each([1, 2])('of one token are one write (round %i)', async (user) => {
    const [token] = await race.plant([user], 1, Date.now() + 5 * HOUR);
    expect(tally(await times(200, () => race.me(token!)))).toEqual({ 200: 200 });
    const refreshed = await race.events('knox.token.refreshed');
    const [row] = await race.rows(user);
    expect(refreshed.map(({ expiry }) => expiry)).toEqual([row!.expiry!.getTime()]);
  });
});

describe.each(GROUNDS)('Refreshes by clocks two hours apart, on $name', (ground) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(ground, REFRESHING, { clockSkewMs: 2 * HOUR });
  });

  afterAll(() => race.close());

  it.each([1, 2, 3])('only ever move an expiry forward (round %i)', async (user) => {
    const start = Date.now();
    const [token] = await race.plant([user], 1, start + 5 * HOUR);
    const seen: number[] = [];
    const look = async () => seen.push((await race.rows(user))[0]!.expiry!.getTime());
    const answers = await watching(look, () => times(60, () => race.me(token!)));
    expect(tally(answers)).toEqual({ 200: 60 });
    // All of one process may have met the row in the other's hands, which is no reason to wait.
    expect((await race.me(token!)).status).toBe(200);
    expect((await race.me(token!)).status).toBe(200);
    await look();
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    const [row] = await race.rows(user);
    expect(row!.expiry!.getTime()).toBeGreaterThanOrEqual(start + 12 * HOUR);
    // Each clock's own first, at most; never one for each request.
    expect((await race.events('knox.token.refreshed')).length).toBeLessThanOrEqual(2);
  });
});

describe.each(GROUNDS)('Pruning in two processes beside requests, on $name', (ground) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(ground, { autoRefresh: true, minRefreshInterval: 0 });
  });

  afterAll(() => race.close());

  it.each([1, 2])('fails none of them and tells each expiry once (round %i)', async () => {
    await race.clear();
    const expired = await race.plant(OWNERS, EXPIRED_EACH, Date.now() - 1);
    const live = await race.plant(OWNERS, 1, Date.now() + HOUR);
    const [prunes, refused, logins, uses] = await Promise.all([
      times(6, () => race.client.post('/prune')),
      times(20, (index) => race.me(expired[index * EXPIRED_EACH * 0.5]!)),
      times(10, (index) => race.login(OWNERS[index]!)),
      times(20, (index) => race.me(live[index % live.length]!)),
    ]);
    expect(tally(prunes)).toEqual({ 200: 6 });
    expect(tally(refused)).toEqual({ 401: 20 });
    expect(tally(logins)).toEqual({ 200: 10 });
    expect(tally(uses)).toEqual({ 200: 20 });
    await race.settle(live.length + logins.length, 'knox.token.expired', expired.length);
  });
});
