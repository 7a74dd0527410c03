import type { INestApplicationContext } from '@nestjs/common';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import { describeKind, KnoxConfigError } from '../errors/knox-config.error.ts';
import type { RealmParts } from '../http/realms.ts';
import { realmsOfApp } from '../http/realms-of-app.ts';
import type { Duration } from '../options/duration.ts';
import { checkOptions, givenOptions } from '../options/given-options.ts';
import { DEFAULT_REALM } from '../options/realm-name.ts';
import type { OwnerOrKey } from '../service/owner-or-key.ts';
import type { IssuedToken } from '../service/token.issuer.ts';
import type { TokenService } from '../service/token.service.ts';

/** What a test may say of the token that it acts with. */
export interface ActingAsOptions {
  /** What the token may do; needs the column `abilities`. Default null: everything. */
  abilities?: readonly string[] | null | undefined;
  /** What the user calls the device; needs the column `name`. Default null: nothing. */
  name?: string | null | undefined;
  /** How long it lives, more than 0; null: for ever. Default: `tokenTtl`. */
  ttl?: Duration | null | undefined;
  /** The realm whose user it is. Default `'api'`. */
  realm?: string | undefined;
}

/** A token of a user, and what a client sends with it. */
export interface ActingAs<Token extends AbstractAuthToken = AuthToken> extends IssuedToken<Token> {
  /** The Authorization header, with the scheme of the realm. */
  readonly headers: { readonly authorization: string };
  /** The value of the Cookie header; null if the realm has not the option `cookie`. */
  readonly cookie: string | null;
}

const OPTIONS: readonly (keyof ActingAsOptions)[] = ['abilities', 'name', 'ttl', 'realm'];

/**
 * Gives a test of the application a token of this user without a login: a row of the token table, made by the
 * application's TokenService, which a logout deletes as any other. The limit of tokens counts it.
 *
 * If the application has the option `extractToken`, `headers` may not be where it reads the token: send `token` as its
 * clients do.
 *
 * @param app the application, initialized or not, or a testing module
 * @param user the owner, or an object with its key
 * @throws TypeError for a wrong argument or option, before any SQL
 * @throws KnoxConfigError if the application has no such realm
 * @throws KnoxUnauthorizedException, TokenLimitExceededException, KnoxUnavailableException as `TokenService.create`
 * @publicApi
 */
export async function actingAs<Token extends AbstractAuthToken = AuthToken>(
  app: INestApplicationContext,
  user: OwnerOrKey<Token['user']>,
  options: ActingAsOptions = {},
): Promise<ActingAs<Token>> {
  checkOptions(options, OPTIONS);
  const { abilities, name, ttl, realm = DEFAULT_REALM } = givenOptions(options);
  const { service, requests } = realmNamed(app, realm);
  const tokens = service as TokenService<AbstractAuthToken> as TokenService<Token>;
  const { authToken, token } = await tokens.create(user, { abilities, name, ttl });
  const authorization = `${requests.settings.authHeaderPrefix} ${token}`;
  const { cookie } = requests.settings;
  return {
    token,
    authToken,
    headers: { authorization },
    cookie: cookie && `${cookie.name}=${token}`,
  };
}

function realmNamed(app: INestApplicationContext, name: unknown): RealmParts {
  if (typeof name !== 'string') {
    throw new TypeError(`realm must be the name of a realm; got ${describeKind(name)}.`);
  }
  const { all } = realmsOfApp(app);
  const found = all.find((realm) => realm.name === name);
  if (found) return found;
  throw new KnoxConfigError(
    'realm',
    `no KnoxModule has the realm ${JSON.stringify(name)} that actingAs() asks for; there are ` +
      `${all.map((realm) => `'${realm.name}'`).join(', ')}.`,
  );
}
