import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countByStatus } from '../support/http-client.ts';
import { repeat } from '../support/repeat.ts';
import { watchDuring } from '../support/watch-during.ts';
import { BACKENDS, Race } from './two-processes.ts';

const HOUR = 3_600_000;
const REFRESHING = { autoRefresh: true, tokenTtl: '10h', minRefreshInterval: '1h' } as const;

/** Expired tokens of each owner: together more than one batch of 500. */
const EXPIRED_EACH = 60;
const OWNERS = Array.from({ length: 10 }, (_, index) => index + 1);

describe.each(BACKENDS)('Refreshes in two processes, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(backend, REFRESHING);
  });

  afterAll(() => race.close());

  it.each([1, 2])('of one token are one write (round %i)', async (user) => {
    const [token] = await race.insertTokens([user], 1, Date.now() + 5 * HOUR);
    expect(countByStatus(await repeat(200, () => race.me(token!)))).toEqual({ 200: 200 });
    const refreshed = await race.events('knox.token.refreshed');
    const [row] = await race.rows(user);
    expect(refreshed.map(({ expiry }) => expiry)).toEqual([row!.expiry!.getTime()]);
  });
});

describe.each(BACKENDS)('Refreshes by clocks two hours apart, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(backend, REFRESHING, { clockSkewMs: 2 * HOUR });
  });

  afterAll(() => race.close());

  it.each([1, 2, 3])('only ever move an expiry forward (round %i)', async (user) => {
    const start = Date.now();
    const [token] = await race.insertTokens([user], 1, start + 5 * HOUR);
    const seen: number[] = [];
    const look = async () => seen.push((await race.rows(user))[0]!.expiry!.getTime());
    const answers = await watchDuring(look, () => repeat(60, () => race.me(token!)));
    expect(countByStatus(answers)).toEqual({ 200: 60 });
    // A refresh that finds the row locked is skipped, so all of one process may have been skipped: use it twice more.
    expect((await race.me(token!)).status).toBe(200);
    expect((await race.me(token!)).status).toBe(200);
    await look();
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    const [row] = await race.rows(user);
    expect(row!.expiry!.getTime()).toBeGreaterThanOrEqual(start + 12 * HOUR);
    // At most one refresh for each clock, not one for each request.
    expect((await race.events('knox.token.refreshed')).length).toBeLessThanOrEqual(2);
  });
});

describe.each(BACKENDS)('Pruning in two processes beside requests, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(backend, { autoRefresh: true, minRefreshInterval: 0 });
  });

  afterAll(() => race.close());

  it.each([1, 2])('fails none of them and tells each expiry once (round %i)', async () => {
    await race.clear();
    const expired = await race.insertTokens(OWNERS, EXPIRED_EACH, Date.now() - 1);
    const live = await race.insertTokens(OWNERS, 1, Date.now() + HOUR);
    const [prunes, refused, logins, uses] = await Promise.all([
      repeat(6, () => race.client.post('/prune')),
      repeat(20, (index) => race.me(expired[index * EXPIRED_EACH * 0.5]!)),
      repeat(10, (index) => race.login(OWNERS[index]!)),
      repeat(20, (index) => race.me(live[index % live.length]!)),
    ]);
    expect(countByStatus(prunes)).toEqual({ 200: 6 });
    expect(countByStatus(refused)).toEqual({ 401: 20 });
    expect(countByStatus(logins)).toEqual({ 200: 10 });
    expect(countByStatus(uses)).toEqual({ 200: 20 });
    await race.settle(live.length + logins.length, 'knox.token.expired', expired.length);
  });
});
