import { afterEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { Random } from '../support/random.ts';
import { User } from '../support/users.ts';
import { Device, strangeToken } from './strange-token.ts';

/** `KNOX_FUZZ_COUNT=2500 KNOX_FUZZ_SEED=7 npm test -- test/fuzz/token-entities` tries more entities, and others. */
const COUNT = Math.ceil(Number(process.env.KNOX_FUZZ_COUNT ?? 250) / 25);
const SEED = Number(process.env.KNOX_FUZZ_SEED ?? 1);
const TOKENS = 6;

describe.each(DATABASES)('a token entity with random columns on %s', (database) => {
  let test: TestApp | undefined;
  afterEach(async () => {
    await test?.close();
    test = undefined;
  });

  const seeds = Array.from({ length: COUNT }, (_, index) => 1_000 * SEED + index);
  it.each(seeds)('stores, finds and revokes tokens with their values (seed %i)', async (seed) => {
    const random = new Random(seed);
    const strange = strangeToken(random);
    const { tokens, dataSource, john, client } = (test = await startApp({
      database,
      entities: [User, Device, strange.entity],
      knox: { tokenEntity: strange.entity },
    }));
    const devices = dataSource.getRepository(Device);
    const rows = dataSource.getRepository(strange.entity);
    const { description: about, relation } = strange;
    const made = [];
    for (let left = TOKENS; left > 0; left--) {
      const columns = strange.values(random);
      const device = random.chance(0.7) ? await devices.save({ name: String(left) }) : null;
      const related = relation ? { [relation.property]: device } : {};
      const { token } = await tokens.create(john, { columns: { ...columns, ...related } });
      made.push({ token, columns, loaded: { ...columns, ...(relation?.isEager && related) } });
    }

    // All in one statement, and one alone.
    const found = await Promise.all(made.map(({ token }) => tokens.authenticate(token)));
    found.push(await tokens.authenticate(made[0]!.token));
    for (const [index, { user, authToken }] of found.entries()) {
      const { columns, loaded } = made[index % TOKENS]!;
      const values = authToken as unknown as Record<string, unknown>;
      const read = Object.fromEntries(Object.keys(loaded).map((name) => [name, values[name]]));
      expect({ about, ...read }).toEqual({ about, ...loaded });
      expect(user).toEqual(john);
      const shown = JSON.parse(JSON.stringify(authToken)) as object;
      expect(Object.keys(shown).sort()).toEqual(
        [
          ...new Set(['id', 'tokenKey', 'created', 'expiry', 'ttl', ...Object.keys(columns)]),
        ].sort(),
      );
    }
    expect(await tokens.list(john)).toHaveLength(TOKENS);

    const [first, second, third, ...others] = made.map(({ token }) => token) as [
      string,
      string,
      string,
      ...string[],
    ];
    expect((await client.post('/auth/logout', { token: first })).status).toBe(204);
    expect((await client.get('/me', { token: first })).body).toEqual(ERRORS.invalidToken);
    expect(await rows.count()).toBe(TOKENS - 1);
    expect(await tokens.revoke(found[1]!.authToken)).toBe(true);
    expect((await client.get('/me', { token: second })).body).toEqual(ERRORS.invalidToken);
    for (const token of [third, ...others]) {
      expect((await client.get('/me', { token })).status).toBe(200);
    }
    expect((await client.post('/auth/logoutall', { token: third })).status).toBe(204);
    expect(await rows.count()).toBe(0);
  });
});
