import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countByStatus } from '../support/http-client.ts';
import { repeat } from '../support/repeat.ts';
import { BACKENDS, Race } from './two-processes.ts';

const LIMIT = 3;
const GONE = [401, 401];

describe.each(BACKENDS)('Revocations in two processes, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    // Every use refreshes the token, so that each is a write that races with the deletion.
    race = await Race.start(backend, {
      tokenLimitPerUser: LIMIT,
      autoRefresh: true,
      minRefreshInterval: 0,
    });
  });

  afterAll(() => race.close());

  it.each([1, 2, 3, 4])('end a token that is being refreshed (round %i)', async (user) => {
    const token = await race.token(user);
    const uses = repeat(12, () => race.me(token));
    const logout = await race.logout(token);
    expect(logout.status).toBe(204);
    expect(await race.verdicts(token)).toEqual(GONE);
    const { 200: passed = 0, 401: refused = 0 } = countByStatus(await uses);
    expect(passed + refused).toBe(12);
    expect(await race.rows(user)).toEqual([]);
    expect(await race.verdicts(token)).toEqual(GONE);
  });

  it.each([5, 6, 7])('end a token once, however many log it out (round %i)', async (user) => {
    const token = await race.token(user);
    await race.forgetEvents();
    const { 204: done = 0, 401: refused = 0 } = countByStatus(
      await repeat(8, () => race.logout(token)),
    );
    expect(done).toBeGreaterThan(0);
    expect(done + refused).toBe(8);
    expect(await race.countTokensIn('knox.token.revoked')).toBe(1);
    expect(await race.verdicts(token)).toEqual(GONE);
  });

  it.each([8, 9, 10])('of all tokens leave the later logins alone (round %i)', async (user) => {
    const tokens = await repeat(LIMIT, () => race.token(user));
    // The limit is reached, so a login can only succeed after the logoutall, which must leave its token alone.
    const uses = repeat(12, (index) => race.me(tokens[index % LIMIT]!));
    const logins = repeat(12, () => race.login(user));
    const logout = await race.logoutAll(tokens[0]!);
    expect(logout.status).toBe(204);
    for (const token of tokens) expect(await race.verdicts(token)).toEqual(GONE);

    const { 200: passed = 0, 401: refused = 0 } = countByStatus(await uses);
    expect(passed + refused).toBe(12);
    const answers = await logins;
    const { 200: made = 0, 403: limited = 0 } = countByStatus(answers);
    expect(made + limited).toBe(12);
    for (const { status, body } of answers) {
      if (status === 200) expect(await race.verdicts(body.token)).toEqual([200, 200]);
    }
    expect(await race.rows(user)).toHaveLength(made);
    expect(made).toBeLessThanOrEqual(LIMIT);
  });
});
