import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countByStatus } from '../support/http-client.ts';
import { repeat } from '../support/repeat.ts';
import { BACKENDS_BY_DATABASE, Race } from './two-processes.ts';

const OWNERS = Array.from({ length: 20 }, (_, index) => index + 1);
const EXPIRED_EACH = 80;

describe.each(BACKENDS_BY_DATABASE)('pruneInterval in two processes, on $name', (backend) => {
  let race: Race;

  beforeAll(async () => {
    race = await Race.start(backend, { pruneInterval: 100 });
  });

  afterAll(() => race.close());

  it.each([1, 2])('deletes each expired token once, beside requests (round %i)', async () => {
    await race.clear();
    const live = await race.insertTokens(OWNERS, 1, Date.now() + 3_600_000);
    const filling = Promise.all(OWNERS.map((owner) => race.insertTokens([owner], EXPIRED_EACH, 1)));
    const answers = await repeat(200, (index) => race.me(live[index % live.length]!));
    expect(countByStatus(answers)).toEqual({ 200: 200 });
    await filling;
    await race.settle(OWNERS.length, 'knox.token.expired', OWNERS.length * EXPIRED_EACH);
    for (const token of live) expect(await race.verdicts(token)).toEqual([200, 200]);
  });
});
