import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Column, Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractAuthToken, KnoxConfigError, TokenService } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { knox, startError } from '../support/test-module.ts';
import { User } from '../support/users.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2018, 6, 25);
const HEX_128 = /^[0-9a-f]{128}$/;

describe('knox’s test_models.py and test_crypto.py', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp();
  });
  afterEach(async () => {
    restoreTime();
    await test.tokens.revokeAll(test.john);
  });
  afterAll(() => test.close());

  describe('AuthTokenTests', () => {
    it('token_creation', async () => {
      freezeTime(NOW);
      const { authToken, token } = await test.tokens.create(test.john);
      expect(token).toHaveLength(64);
      expect(authToken.tokenKey).toBe(token.slice(0, 15));
      expect(authToken.user).toBe(test.john);
      expect(authToken.created).toEqual(new Date(NOW));
      expect(authToken.expiry).toEqual(new Date(NOW + 10 * HOUR_MS));
    });

    it('token_creation_with_expiry', async () => {
      freezeTime(NOW);
      const { authToken } = await test.tokens.create(test.john, { ttl: '3h' });
      expect(authToken.expiry).toEqual(new Date(NOW + 3 * HOUR_MS));
      expect(authToken.ttl).toBe(3 * HOUR_MS);
    });

    it('token_string_representation: the entity knows its digest and its user', async () => {
      const { authToken } = await test.tokens.create(test.john);
      const row = await test.rows.findOneOrFail({ where: {}, relations: { user: true } });
      expect(row.digest).toBe(authToken.digest);
      expect(row.user).toEqual(test.john);
    });

    it('multiple_tokens_for_user', async () => {
      const first = await test.tokens.create(test.john);
      const second = await test.tokens.create(test.john);
      const listed = (await test.tokens.list(test.john)).map(({ digest }) => digest);
      expect(new Set(listed)).toEqual(new Set([first.authToken.digest, second.authToken.digest]));
      expect(listed).toHaveLength(2);
    });

    it('token_with_custom_prefix', async () => {
      const { authToken, token } = await test.tokens.create(test.john, { prefix: 'TEST_' });
      expect(token).toMatch(/^TEST_[0-9a-f]{64}$/);
      expect(authToken.tokenKey).toBe(token.slice(0, 15));
      expect(authToken.tokenKey).toMatch(/^TEST_/);
    });
  });

  describe('CryptoUtilsTestCase', () => {
    it('create_token_string', async () => {
      const { token } = await test.tokens.create(test.john);
      expect(token).toMatch(/^[0-9a-f]{64}$/);
    });

    it('hash_token_with_valid_token', async () => {
      const { authToken } = await test.tokens.create(test.john);
      expect(authToken.digest).toMatch(HEX_128);
    });

    it.each([
      ['make_hex_compatible_with_valid_input', 'test123'],
      ['make_hex_compatible_with_special_characters', 'test@#$%'],
    ])('%s: a row of such a token, written by knox, is found', async (_, token) => {
      const { authToken } = await test.tokens.create(test.john);
      const digest = createHash('sha512').update(token, 'utf8').digest('hex');
      await test.rows.update(authToken.digest, { digest });
      expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
    });

    it('make_hex_compatible_with_empty_string: there is no empty token', async () => {
      const { authToken } = await test.tokens.create(test.john);
      const digest = createHash('sha512').update('').digest('hex');
      await test.rows.update(authToken.digest, { digest });
      await expect(test.tokens.authenticate('')).rejects.toMatchObject({ code: 'invalid_token' });
      expect(await test.tokens.revoke('')).toBe(false);
    });
  });
});

@Entity('device_token')
class DeviceToken extends AbstractAuthToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;

  @Column({ type: String, nullable: true })
  deviceName!: string | null;
}

describe('knox’s test_settings.py', () => {
  it('override_settings: options that are given apply, the others keep their defaults', async () => {
    const test = await startApp({ knox: { tokenLength: 48, tokenTtl: '5h', autoRefresh: true } });
    freezeTime(NOW);
    const { token, authToken } = await test.tokens.create(test.john);
    expect(token).toHaveLength(48);
    expect(authToken.expiry).toEqual(new Date(NOW + 5 * HOUR_MS));
    freezeTime(NOW + HOUR_MS);
    expect((await test.client.get('/me', { token })).body.expiry).toBe(
      new Date(NOW + 6 * HOUR_MS).toISOString(),
    );
    restoreTime();
    await test.close();
  });

  it('reload_api_settings, setting_changed_signal: each application has its own options', async () => {
    const [one, two] = [
      await startApp({ knox: { tokenTtl: '2h', authHeaderPrefix: 'Bearer' } }),
      await startApp({ knox: { tokenTtl: '3h' } }),
    ];
    freezeTime(NOW);
    const first = await one.tokens.create(one.john);
    const second = await two.tokens.create(two.john);
    expect(first.authToken.expiry).toEqual(new Date(NOW + 2 * HOUR_MS));
    expect(second.authToken.expiry).toEqual(new Date(NOW + 3 * HOUR_MS));
    const headers = { authorization: `Bearer ${first.token}` };
    expect((await one.client.get('/me', { headers })).status).toBe(200);
    expect((await two.client.get('/me', { token: second.token })).status).toBe(200);
    restoreTime();
    await one.close();
    await two.close();
  });

  it('constants_values, constants_immutability: 15, 128 and 10', async () => {
    const test = await startApp();
    const { authToken, token } = await test.tokens.create(test.john, { prefix: 'p'.repeat(10) });
    expect(authToken.tokenKey).toBe(token.slice(0, 15));
    expect(authToken.digest).toMatch(HEX_128);
    await expect(test.tokens.create(test.john, { prefix: 'p'.repeat(11) })).rejects.toThrow(
      TypeError,
    );
    await test.close();
  });

  it.each([
    ['token_prefix_length_validation', 'tokenPrefix', 'x'.repeat(11)],
    ['prefix_set_longer_than_max_length_raises_valueerror', 'tokenPrefix', 'a'.repeat(11)],
    ['hash_algorithm_import: MD5 is refused', 'hashAlgorithm', 'md5'],
    ['import_strings: a serializer is a function, no path', 'userSerializer', 'app.Serializer'],
    ['override_settings: 32 characters are too few', 'tokenLength', 32],
  ])('%s', async (_, option, value) => {
    const error = await startError({ imports: [knox({ [option]: value })] });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error).toMatchObject({ option });
  });

  it('custom_token_model', async () => {
    const test = await startApp({
      entities: [User, DeviceToken],
      knoxModule: knox({ tokenEntity: DeviceToken }),
    });
    const tokens = test.app.get<TokenService<DeviceToken>>(TokenService);
    const { token } = await tokens.create(test.john, { columns: { deviceName: 'phone' } });
    const { authToken } = await tokens.authenticate(token);
    expect(authToken).toBeInstanceOf(DeviceToken);
    expect(authToken.deviceName).toBe('phone');
    await test.close();
  });
});
