import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PASSWORD } from '../support/app.ts';
import { nameOf } from '../support/app-process.ts';
import { countByStatus, type Answer } from '../support/http-client.ts';
import { pollFor } from '../support/polling.ts';
import { repeat } from '../support/repeat.ts';
import { BACKENDS, BACKENDS_BY_DATABASE, Race } from './two-processes.ts';

const LIMIT = 5;
const HOUR_MS = 3_600_000;

const goodTokens = async (race: Race, answers: readonly Answer[]): Promise<string[]> => {
  const tokens = answers.filter(({ status }) => status === 200).map(({ body }) => body.token);
  const verdicts = await Promise.all(tokens.map((token) => race.verdicts(token as string)));
  return tokens.filter((_, i) => verdicts[i]!.every((status) => status === 200)) as string[];
};

describe.each(BACKENDS)('Logins that make room, in two processes, on $name', (backend) => {
  let race: Race;
  beforeAll(async () => {
    const knox = { tokenLimitPerUser: LIMIT, tokenLimitPolicy: 'evict-oldest' } as const;
    race = await Race.start(backend, knox, { hasSessions: true });
  });
  afterAll(() => race.close());

  it.each([1, 2, 3])(
    'all succeed, and leave as many tokens as the limit (round %i)',
    async (user) => {
      await race.forgetEvents();
      const old = await race.insertTokens([user], 3, Date.now() + HOUR_MS);
      const answers = await repeat(24, () => race.login(user));
      expect(countByStatus(answers)).toEqual({ 200: 24 });
      expect(await race.rows(user)).toHaveLength(LIMIT);
      expect(await goodTokens(race, answers)).toHaveLength(LIMIT);
      for (const token of old) expect(await race.verdicts(token)).toEqual([401, 401]);
      expect(await race.countTokensIn('knox.token.revoked')).toBe(24 + 3 - LIMIT);
    },
  );

  it.each([4, 5])('beside logouts of all of them keep to the limit (round %i)', async (user) => {
    const tokens = await repeat(LIMIT, () => race.token(user));
    const logins = repeat(16, () => race.login(user));
    const logouts = repeat(4, (index) =>
      index % 2 === 0 ? race.logoutAll(tokens[LIMIT - 1]!) : race.logout(tokens[index]!),
    );
    for (const { status } of await logouts) expect([204, 401]).toContain(status);
    const answers = await logins;
    expect(countByStatus(answers)).toEqual({ 200: 16 });
    const rows = await race.rows(user);
    expect(rows.length).toBeLessThanOrEqual(LIMIT);
    expect(await goodTokens(race, answers)).toHaveLength(rows.length);
  });

  it.each([6, 7])('beside reauthentications keep to the limit (round %i)', async (user) => {
    const body = { username: nameOf(user), password: PASSWORD };
    const tokens = await repeat(LIMIT, () => race.token(user));
    const again = Promise.all(
      tokens.map((token) => race.client.post('/auth/reauthenticate', { token, body })),
    );
    const logins = repeat(10, () => race.login(user));
    const answers = [...(await again), ...(await logins)];
    for (const { status } of await again) expect([200, 401]).toContain(status);
    expect(countByStatus(await logins)).toEqual({ 200: 10 });
    expect(await race.rows(user)).toHaveLength(LIMIT);
    expect(await goodTokens(race, answers)).toHaveLength(LIMIT);
    for (const token of tokens) expect(await race.verdicts(token)).toEqual([401, 401]);
  });
});

describe.each(BACKENDS_BY_DATABASE)('Sessions in two processes, on $name', (backend) => {
  let race: Race;
  beforeAll(async () => {
    const knox = {
      tokenLimitPerUser: LIMIT,
      tokenLimitPolicy: 'evict-least-used',
      lastUsedInterval: '1h',
    } as const;
    race = await Race.start(backend, knox, { hasSessions: true });
  });
  afterAll(() => race.close());

  it('pass 800 logins of forty users without a deadlock', async () => {
    const answers = await repeat(800, (index) => race.login(1 + (index % 40)));
    expect(countByStatus(answers)).toEqual({ 200: 800 });
    expect(await race.rows()).toHaveLength(40 * LIMIT);
  });

  it.each([1, 2, 3])('consume a token once, however many try (round %i)', async (user) => {
    const token = await race.token(user);
    const answers = await repeat(12, () => race.client.post('/consume', { body: { token } }));
    expect(countByStatus(answers)).toEqual({ 200: 1, 401: 11 });
    for (const { status, body } of answers) {
      if (status === 200) expect(body).toEqual({ id: user });
      else expect(body.code).toBe('invalid_token');
    }
    expect(await race.verdicts(token)).toEqual([401, 401]);
  });

  it.each([4, 5, 6])('reauthenticate a token once (round %i)', async (user) => {
    const body = { username: nameOf(user), password: PASSWORD };
    const token = await race.token(user);
    const count = (await race.rows(user)).length;
    const answers = await repeat(8, () =>
      race.client.post('/auth/reauthenticate', { token, body }),
    );
    expect(countByStatus(answers)).toEqual({ 200: 1, 401: 7 });
    expect(await race.verdicts(token)).toEqual([401, 401]);
    expect(await goodTokens(race, answers)).toHaveLength(1);
    expect(await race.rows(user)).toHaveLength(count);
  });

  it('write the last use of a token once, and bring none back', async () => {
    await race.clear();
    const users = Array.from({ length: 20 }, (_, index) => index + 11);
    const tokens = await Promise.all(users.map((user) => race.token(user)));
    const lastUses = async (): Promise<number[]> =>
      (await race.rows())
        .map((row) => Number((row as { lastUsed?: Date | null }).lastUsed ?? 0))
        .sort();
    await Promise.all(tokens.flatMap((token) => [race.verdicts(token), race.verdicts(token)]));
    const written = await pollFor(lastUses, (uses) => !uses.includes(0), 10_000);
    expect(written).not.toContain(0);
    await Promise.all(tokens.map((token) => race.verdicts(token)));
    await Promise.all(tokens.slice(10).map((token) => race.logout(token)));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const after = await lastUses();
    expect(after).toHaveLength(10);
    for (const use of after) expect(written).toContain(use);
  });
});
