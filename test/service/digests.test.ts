import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuthToken } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';

/** What plainToInstance may make of a body; MariaDB takes 0 for each text that is no number. */
const DIGESTS: [string, unknown][] = [
  ['0', 0],
  ['nothing', undefined],
  ['null', null],
  ['an empty array', []],
  ['an empty string', ''],
  ['a string that is no hexadecimal', 'abc%'],
  ['an object', { $ne: '' }],
];

describe.each(DATABASES)('on %s, an entity with a digest of', (database) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ database });
    await test.tokens.create(test.john);
    await test.tokens.create(test.jane);
  });
  afterAll(() => test.close());

  it.each(DIGESTS)('%s revokes nothing, and spares nothing', async (_, digest) => {
    const authToken = Object.assign(new AuthToken(), { digest });
    const message = /^The AuthToken has no digest: expected a string of hexadecimal; got /;
    await expect(test.tokens.revoke(authToken)).rejects.toThrow(TypeError);
    await expect(test.tokens.revoke(authToken)).rejects.toThrow(message);
    await expect(test.tokens.revokeAll(test.john, { except: authToken })).rejects.toThrow(message);
    expect(await test.rows.count()).toBe(2);
  });
});
