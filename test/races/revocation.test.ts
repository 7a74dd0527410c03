import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GROUNDS, Race, tally, times } from './two-processes.ts';

const LIMIT = 3;
const GONE = [401, 401];

describe.each(GROUNDS)('Revocations in two processes, on $name', (ground) => {
  let race: Race;

  beforeAll(async () => {
    // Each use of a token moves its expiry, so that each is a write beside the deletion.
    race = await Race.start(ground, {
      tokenLimitPerUser: LIMIT,
      autoRefresh: true,
      minRefreshInterval: 0,
    });
  });

  afterAll(() => race.close());

  it.each([1, 2, 3, 4])('end a token that is being refreshed (round %i)', async (user) => {
    const token = await race.token(user);
    const uses = times(12, () => race.me(token));
    const logout = await race.logout(token);
    expect(logout.status).toBe(204);
    expect(await race.verdicts(token)).toEqual(GONE);
    const { 200: passed = 0, 401: refused = 0 } = tally(await uses);
    expect(passed + refused).toBe(12);
    expect(await race.rows(user)).toEqual([]);
    expect(await race.verdicts(token)).toEqual(GONE);
  });

  it.each([5, 6, 7])('end a token once, however many log it out (round %i)', async (user) => {
    const token = await race.token(user);
    await race.forgetEvents();
    const { 204: done = 0, 401: refused = 0 } = tally(await times(8, () => race.logout(token)));
    expect(done).toBeGreaterThan(0);
    expect(done + refused).toBe(8);
    expect(await race.told('knox.token.revoked')).toBe(1);
    expect(await race.verdicts(token)).toEqual(GONE);
  });

  it.each([8, 9, 10])('of all leave the later logins alone (round %i)', async (user) => {
    const tokens = await times(LIMIT, () => race.token(user));
    // The limit is reached: whoever logs in does so after the logoutall, and is none of its business.
    const uses = times(12, (index) => race.me(tokens[index % LIMIT]!));
    const logins = times(12, () => race.login(user));
    const logout = await race.logoutAll(tokens[0]!);
    expect(logout.status).toBe(204);
    for (const token of tokens) expect(await race.verdicts(token)).toEqual(GONE);

    const { 200: passed = 0, 401: refused = 0 } = tally(await uses);
    expect(passed + refused).toBe(12);
    const answers = await logins;
    const { 200: made = 0, 403: limited = 0 } = tally(answers);
    expect(made + limited).toBe(12);
    for (const { status, body } of answers) {
      if (status === 200) expect(await race.verdicts(body.token)).toEqual([200, 200]);
    }
    expect(await race.rows(user)).toHaveLength(made);
    expect(made).toBeLessThanOrEqual(LIMIT);
  });
});
