import { instanceToPlain } from 'class-transformer';
import { describe, expect, it } from '@jest/globals';
import { Column, Entity, JoinColumn, ManyToOne } from 'typeorm';
import {
  AbilitiesColumn,
  AbstractAuthToken,
  AuthenticatedColumn,
  AuthToken,
  IpColumn,
  KnoxConfigError,
  LastUsedColumn,
  NameColumn,
  SessionToken,
  UserAgentColumn,
} from '../../lib/index.ts';
import { startOwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';

const OWNER = [() => User, { onDelete: 'CASCADE', nullable: false }] as const;

@Entity('named_token')
class NamedToken extends AbstractAuthToken<User> {
  @ManyToOne(...OWNER) @JoinColumn({ name: 'user_id' }) user!: User;
  @NameColumn() name!: string | null;
}

@Entity('restricted_token')
class RestrictedToken extends AbstractAuthToken<User> {
  @ManyToOne(...OWNER) @JoinColumn({ name: 'user_id' }) user!: User;
  @AbilitiesColumn() abilities!: string[] | null;
}

@Entity('used_token')
class UsedToken extends AbstractAuthToken<User> {
  @ManyToOne(...OWNER) @JoinColumn({ name: 'user_id' }) user!: User;
  @LastUsedColumn() lastUsed!: Date | null;
}

@Entity('placed_token')
class PlacedToken extends AbstractAuthToken<User> {
  @ManyToOne(...OWNER) @JoinColumn({ name: 'user_id' }) user!: User;
  @IpColumn() ip!: string | null;
  @UserAgentColumn() userAgent!: string | null;
}

@Entity('proven_token')
class ProvenToken extends AbstractAuthToken<User> {
  @ManyToOne(...OWNER) @JoinColumn({ name: 'user_id' }) user!: User;
  @AuthenticatedColumn() authenticated!: Date | null;
}

/** Columns of the application's own, by chance of the same names. */
@Entity('plain_token')
class PlainToken extends AbstractAuthToken<User> {
  @ManyToOne(...OWNER) @JoinColumn({ name: 'user_id' }) user!: User;
  @Column({ type: 'varchar', length: 10, nullable: true }) name!: string | null;
  @Column({ type: 'simple-array', nullable: true }) abilities!: string[] | null;
  @Column({ type: 'varchar', length: 10, nullable: true }) ip!: string | null;
}

async function start(tokenEntity: new () => AbstractAuthToken<User>) {
  const test = await startOwnerApp<any>({
    dataSource: { type: 'better-sqlite3', database: ':memory:', entities: [User, tokenEntity] },
    owner: User,
    knox: { tokenEntity, sessions: true, lastUsedInterval: 0 },
  });
  const john = await test.dataSource.getRepository(User).save({ username: 'john', password: 'x' });
  return { ...test, john };
}

describe('a single column of a feature', () => {
  it.each([
    [NamedToken, ['name']],
    [RestrictedToken, ['abilities']],
    [UsedToken, ['lastUsed']],
    [PlacedToken, ['ip', 'userAgent']],
    [ProvenToken, []],
    [PlainToken, []],
    [AuthToken, []],
  ] as const)('of %p shows %j in a session', async (tokenEntity, shown) => {
    const test = await start(tokenEntity);
    const token = await test.login('john');
    const { status, body } = await test.client.get('/auth/sessions/current', { token });
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(
      ['created', 'current', 'expiry', 'id', ...shown].sort(),
    );
    await test.close();
  });

  it('restricts a token without the others', async () => {
    const test = await start(RestrictedToken);
    const { token } = await test.tokens.create(test.john, { abilities: ['a'] });
    expect((await test.client.get('/owner', { token })).status).toBe(403);
    await expect(test.tokens.create(test.john, { name: 'x' })).rejects.toThrow(TypeError);
    await test.close();
  });

  it('allows a reauthentication without the others', async () => {
    const test = await start(ProvenToken);
    const token = await test.login('john');
    const sending = { token, body: { username: 'john', password: 'any' } };
    expect((await test.client.post('/auth/reauthenticate', sending)).status).toBe(200);
    expect((await test.client.get('/owner', { token })).status).toBe(401);
    await test.close();
  });
});

describe('columns of the application’s own that have the same names', () => {
  it('switch nothing on, and are set through columns', async () => {
    const test = await start(PlainToken);
    const columns = { name: 'mine', abilities: ['x', 'y'], ip: 'home' };
    const { token, authToken } = await test.tokens.create(test.john, { columns });
    expect(authToken.can('anything')).toBe(true);
    expect((await test.client.get('/owner', { token })).status).toBe(200);
    const [row] = await test.dataSource.getRepository(PlainToken).find();
    expect(row).toMatchObject(columns);
    for (const options of [{ name: 'x' }, { abilities: ['x'] }]) {
      await expect(test.tokens.create(test.john, options)).rejects.toThrow(TypeError);
    }
    const body = { username: 'john', password: 'any', name: 5 };
    expect((await test.client.post('/auth/login', { body })).status).toBe(200);
    await test.close();
  });
});

describe('a decorator of a column', () => {
  it.each([
    ['name', NameColumn],
    ['abilities', AbilitiesColumn],
    ['lastUsed', LastUsedColumn],
    ['ip', IpColumn],
    ['userAgent', UserAgentColumn],
    ['authenticated', AuthenticatedColumn],
  ])('of %s is refused on a property of another name', (feature, decorate) => {
    class Token {}
    expect(() => decorate()(Token.prototype, 'other')).toThrow(KnoxConfigError);
    expect(() => decorate()(Token.prototype, 'other')).toThrow(`the property "${feature}"`);
  });
});

describe('the JSON of a SessionToken', () => {
  it('has its id and its columns, but no digest and no owner', async () => {
    const test = await start(SessionToken);
    const { authToken } = await test.tokens.create(test.john, { name: 'x', abilities: ['a'] });
    const expected = { id: authToken.publicId, name: 'x', abilities: ['a'] };
    for (const shown of [authToken.toJSON(), instanceToPlain(authToken)]) {
      expect(shown).toMatchObject(expected);
      expect(Object.keys(shown as object)).not.toContain('digest');
      expect(Object.keys(shown as object)).not.toContain('user');
    }
    await test.close();
  });
});
