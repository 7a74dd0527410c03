import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AbstractAuthToken, IssuedToken, TokenService } from '../../lib/index.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';

/** The application's own class for its users, of which TypeORM knows nothing. */
class DomainUser {
  constructor(
    readonly id: number | string,
    readonly email: string,
  ) {}
}

/** A caller that knows of no token entity. */
function createFor<Token extends AbstractAuthToken>(
  tokens: TokenService<Token>,
  user: Token['user'],
): Promise<IssuedToken<Token>> {
  return tokens.create(user);
}

describe('the user that TokenService takes', () => {
  let database: TestDatabase;
  let test: OwnerApp<DeviceToken>;
  let ada: Member;
  beforeAll(async () => {
    database = await createDatabase('sqlite');
    const dataSource = { ...database.options, entities: [Member, DeviceToken] };
    test = await startOwnerApp({ dataSource, owner: Member, knox: { tokenEntity: DeviceToken } });
    ada = await test.dataSource.getRepository(Member).save({ username: 'ada' });
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  it('is the owner, or an object with its key, which needs no cast', async () => {
    const { tokens } = test;
    const key = { id: ada.id };
    const domain = new DomainUser(String(ada.id), 'ada@example.org');
    await createFor(tokens, ada);
    await tokens.create(ada);
    await tokens.create(key);
    await tokens.create({ id: String(ada.id) }, { limit: 5 });
    const { authToken } = await tokens.create(domain);
    expect(authToken.user).toBeInstanceOf(Member);
    for (const user of [ada, key, domain]) expect(await tokens.list(user)).toHaveLength(5);
    expect(await tokens.revokeAll(domain, { except: authToken })).toBe(4);
    expect(await tokens.revokeAll(key)).toBe(1);
  });

  it('is nothing that shares no property with the owner', async () => {
    const { tokens } = test;
    const name = { email: 'ada@example.org' };
    // @ts-expect-error it has no property of a Member
    await expect(tokens.create(name)).rejects.toThrow(TypeError);
    // @ts-expect-error a misspelt key
    await expect(tokens.revokeAll({ ID: 1 })).rejects.toThrow(TypeError);
    // @ts-expect-error a key alone is no object
    await expect(tokens.list(1)).rejects.toThrow(TypeError);
    // @ts-expect-error nor is text
    await expect(tokens.create('ada')).rejects.toThrow(TypeError);
  });

  it('is any object if the token entity does not tell the owner', async () => {
    const tokens = test.tokens as unknown as TokenService;
    expect(await tokens.list(new DomainUser(ada.id, ''))).toEqual([]);
    // @ts-expect-error a key alone is no object
    await expect(tokens.list(1)).rejects.toThrow(TypeError);
  });
});
