import type { EntityManager } from 'typeorm';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { ArgumentError } from '../errors/argument.error.ts';
import { describeKind } from '../errors/knox-config.error.ts';
import {
  describeDuration,
  DURATION_FORMAT,
  parseDuration,
  type Duration,
} from '../options/duration.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { TokenSchema } from '../store/token.store.ts';
import { expiryFrom, isExpired } from '../tokens/expiry.ts';
import { ABILITIES_FORMAT, isAbilityList } from '../tokens/abilities.ts';
import type { Feature } from '../entities/feature-columns.ts';
import { problemWithName } from '../requests/session-name.ts';
import { MAX_PREFIX_LENGTH, isTokenPrefix } from '../tokens/token.ts';
import { KnoxForbiddenException, KnoxUnauthorizedException } from './knox.exceptions.ts';
import { abilitiesOf, authenticatedAt } from './token.access.ts';

/** What one token may have instead of what the module's options say. */
export interface CreateTokenOptions<Token extends AbstractAuthToken = AbstractAuthToken> {
  /** How long it lives, more than 0; null: for ever. A refresh keeps to it. Default: `tokenTtl`. */
  ttl?: Duration | null | undefined;
  /** What it begins with: 0 to 10 letters, digits, `_` or `-`. Default: `tokenPrefix`. */
  prefix?: string | undefined;
  /**
   * How many unexpired tokens the user may hold, this one included; null: any number. Default:
   * `tokenLimitPerUser`.
   */
  limit?: number | null | undefined;
  /** Values for the columns of the application's own token entity. Default: none. */
  columns?: Partial<Omit<Token, keyof AbstractAuthToken>> | undefined;
  /** What the user calls the device, 1 to 100 characters; needs the column `name`. Default null: nothing. */
  name?: string | null | undefined;
  /**
   * What it may do: at most 64 strings of 1 to 64 of the characters `A-Z a-z 0-9 . _ : / -`; needs the column
   * `abilities`. An empty array: nothing. Default null: everything.
   */
  abilities?: readonly string[] | null | undefined;
  /**
   * The token that it may not go beyond, in its abilities and at its creation in its expiry. Its holder has proved a password
   * no later than that one's. Default: none.
   */
  within?: Token | undefined;
  /** Inserts it in the application's own transaction: it exists if that commits. Default: none. */
  manager?: EntityManager | undefined;
}

/** The same, checked and completed; durations in milliseconds. */
export interface TokenOptions {
  readonly prefix: string;
  readonly limit: number | null;
  readonly ttl: number | null;
  /** The TTL that is stored with the token; null if a refresh goes by `tokenTtl`. */
  readonly ownTtl: number | null;
  readonly columns: object;
  readonly name: string | null;
  readonly abilities: readonly string[] | null;
  /** The expiry of the token that it may not go beyond; undefined: there is none. */
  readonly latestExpiry: Date | null | undefined;
  /** When the holder of that token last proved a password; null: the new token counts as such a proof. */
  readonly authenticated: Date | null;
}

/**
 * @throws ArgumentError for an option that is wrong, or that the token's table cannot store
 * @throws KnoxForbiddenException `insufficient_ability`, for abilities that `within` does not have
 */
export function tokenOptions(
  options: CreateTokenOptions,
  settings: KnoxSettings,
  schema: TokenSchema,
): TokenOptions {
  const { prefix = settings.tokenPrefix, limit = settings.tokenLimitPerUser } = options;
  const { ttl, columns = {} } = options;
  const ownTtl = ownTtlOf(ttl, settings, schema);
  const within = checkWithin(options.within, schema);
  return {
    prefix: checkPrefix(prefix),
    limit: checkLimit(limit),
    ttl: checkLastInstant(ttl === undefined ? settings.tokenTtl : ownTtl, schema),
    ownTtl,
    columns: checkColumns(columns, schema),
    name: checkName(options.name ?? null, schema),
    abilities: checkAbilities(options.abilities ?? null, within, schema),
    latestExpiry: within?.expiry,
    authenticated: within ? authenticatedAt(within) : null,
  };
}

/**
 * When a token expires that is made at `now`.
 *
 * @param isTtlGiven whether its TTL was asked for: if not, it ends with the token that it may not go beyond
 * @throws KnoxForbiddenException `insufficient_ability`, if it would outlive that token
 * @throws KnoxUnauthorizedException `invalid_token`, if that token has expired
 */
export function expiryOf(
  now: number,
  { ttl, latestExpiry }: TokenOptions,
  isTtlGiven: boolean,
): Date | null {
  const expiry = expiryFrom(now, ttl);
  if (latestExpiry === undefined || latestExpiry === null) return expiry;
  if (isExpired(latestExpiry, now)) throw new KnoxUnauthorizedException('invalid_token');
  if (expiry !== null && expiry <= latestExpiry) return expiry;
  if (isTtlGiven) throw KnoxForbiddenException.insufficientAbility();
  return latestExpiry;
}

function checkName(name: unknown, schema: TokenSchema): string | null {
  if (name === null) return null;
  requireFeature(schema, 'name');
  const problem = problemWithName(name);
  if (problem === null) return name as string;
  throw new ArgumentError(`name ${problem}; got ${describeKind(name)}.`);
}

function checkAbilities(
  abilities: readonly string[] | null,
  within: AbstractAuthToken | undefined,
  schema: TokenSchema,
): readonly string[] | null {
  const most = within ? abilitiesOf(within) : null;
  if (abilities === null) {
    if (most === null) return null;
    throw new ArgumentError(
      'abilities must be given, because the token of "within" has some only; else the new token could do everything.',
    );
  }
  requireFeature(schema, 'abilities');
  if (!isAbilityList(abilities)) {
    throw new ArgumentError(
      `abilities must be ${ABILITIES_FORMAT}; got ${describeKind(abilities)}.`,
    );
  }
  if (most && !abilities.every((ability) => most.includes(ability))) {
    throw KnoxForbiddenException.insufficientAbility();
  }
  return [...abilities];
}

function checkWithin(within: unknown, { metadata }: TokenSchema): AbstractAuthToken | undefined {
  if (within === undefined) return undefined;
  if (!(within instanceof (metadata.target as new () => AbstractAuthToken))) {
    throw new ArgumentError(
      `within must be an instance of ${metadata.targetName}; got ${describeKind(within)}.`,
    );
  }
  const { created, expiry } = within as Partial<AbstractAuthToken>;
  if (created !== undefined && expiry !== undefined) return within;
  throw new ArgumentError(
    'within was loaded without its created or expiry; give the entity that the guard or TokenService gave.',
  );
}

/** @throws ArgumentError if the token entity has no column for this */
export function requireFeature({ metadata, features }: TokenSchema, feature: Feature): void {
  if (features.has(feature)) return;
  throw new ArgumentError(
    `${feature}: ${metadata.targetName} has no such column; use SessionToken, or extend AbstractSessionToken.`,
  );
}

function ownTtlOf(ttl: unknown, settings: KnoxSettings, schema: TokenSchema): number | null {
  if (ttl === undefined || ttl === null) return null;
  const ownTtl = parseDuration(ttl, 1);
  if (ownTtl === undefined) {
    throw new ArgumentError(
      `ttl must be ${DURATION_FORMAT}, more than 0, or null; got ${describeDuration(ttl)}.`,
    );
  }
  if (!schema.hasTtlColumn && settings.autoRefresh) {
    throw new ArgumentError(
      `ttl: ${schema.metadata.name} has no column to keep it, so that autoRefresh would go by ` +
        'tokenTtl; leave ttl out, or turn autoRefresh off.',
    );
  }
  return ownTtl;
}

function checkLastInstant(ttl: number | null, { metadata, instants }: TokenSchema): number | null {
  if (ttl === null || Date.now() + ttl <= instants.lastInstant) return ttl;
  const last = new Date(instants.lastInstant).toISOString();
  throw new ArgumentError(`ttl: ${metadata.name} can store no expiry past ${last}.`);
}

/** @throws ArgumentError */
export function checkPrefix(prefix: unknown): string {
  if (isTokenPrefix(prefix)) return prefix;
  const most = String(MAX_PREFIX_LENGTH);
  throw new ArgumentError(`prefix must be at most ${most} letters, digits, "_" or "-".`);
}

function checkLimit(limit: unknown): number | null {
  if (limit === null || (Number.isSafeInteger(limit) && (limit as number) >= 0)) {
    return limit as number | null;
  }
  throw new ArgumentError(`limit must be a whole number or null; got ${describeKind(limit)}.`);
}

function checkColumns(columns: unknown, { metadata, extraColumns }: TokenSchema): object {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) {
    throw new ArgumentError(`columns must be an object; got ${describeKind(columns)}.`);
  }
  const wrong = Object.keys(columns).find((column) => !extraColumns.has(column));
  if (wrong === undefined) return columns;
  const known = extraColumns.size === 0 ? 'it has none of its own' : [...extraColumns].join(', ');
  throw new ArgumentError(`columns: ${metadata.name} has no column "${wrong}" to set; ${known}.`);
}
