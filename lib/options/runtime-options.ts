import type { HashAlgorithm } from '../tokens/token.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { StoredIp } from '../requests/stored-client.ts';
import type { CookieOptions, CookieSettings } from './cookie.options.ts';
import type { Duration } from './duration.ts';

/** A value or a promise of one: hooks may be async, and are awaited. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A hook. TypeScript compares its parameters bivariantly, as it does a method's, so that an application may declare
 * them as its `User` and as its adapter's `Request`.
 */
export type Hook<Parameters extends unknown[], Result> = {
  hook(...parameters: Parameters): Awaitable<Result>;
}['hook'];

/** What may happen to a login beyond the limit. */
export const TOKEN_LIMIT_POLICIES = ['reject', 'evict-oldest', 'evict-least-used'] as const;

export type TokenLimitPolicy = (typeof TOKEN_LIMIT_POLICIES)[number];

/** The options that a factory of `KnoxModule.forRootAsync` may return. */
export interface KnoxRuntimeOptions {
  /**
   * The user that these credentials belong to, or null. The built-in login guard needs it. If it throws an
   * HttpException, that is the answer; if it throws anything else, or takes longer than `authTimeout`, that is a 503.
   */
  verifyCredentials?:
    | Hook<[username: string, password: string, request: KnoxRequest], object | null | undefined>
    | undefined;
  /** Name of the JSON field that holds the username. Default `'username'`. */
  usernameField?: string | undefined;
  /** Name of the JSON field that holds the password. Default `'password'`. */
  passwordField?: string | undefined;
  /** How long a new token lives; null: for ever. Default `'10h'`. (knox: TOKEN_TTL) */
  tokenTtl?: Duration | null | undefined;
  /** Whether each use moves the expiry to now + the token's TTL. Default false. (AUTO_REFRESH) */
  autoRefresh?: boolean | undefined;
  /**
   * How long after its creation a refresh may still move a token's expiry; null: any time. Default null.
   * (AUTO_REFRESH_MAX_TTL)
   */
  autoRefreshMaxTtl?: Duration | null | undefined;
  /** A refresh is written only if it moves the expiry by more than this. Default `'60s'`. (MIN_REFRESH_INTERVAL) */
  minRefreshInterval?: Duration | undefined;
  /** How many unexpired tokens a user may hold; null: any number. Default null. (TOKEN_LIMIT_PER_USER) */
  tokenLimitPerUser?: number | null | undefined;
  /**
   * What happens to a login beyond the limit: `'reject'`, it is a 403; `'evict-oldest'` or `'evict-least-used'`, that
   * token of the user is revoked, in the same transaction. The last needs the column `lastUsed`; a token that was never
   * used counts from its creation. Default `'reject'`.
   */
  tokenLimitPolicy?: TokenLimitPolicy | undefined;
  /**
   * The beginning of each new token: 0 to 10 letters, digits, `_` or `-`. Default `''`. (TOKEN_PREFIX)
   */
  tokenPrefix?: string | undefined;
  /**
   * How many hexadecimal characters the random part of a new token has: an even number from 48 to 256. Default 64.
   * Earlier tokens of another length stay valid. (AUTH_TOKEN_CHARACTER_LENGTH)
   */
  tokenLength?: number | undefined;
  /**
   * The hash under which tokens are stored. Default `'sha512'`. If it changes, all earlier tokens are invalid.
   * (SECURE_HASH_ALGORITHM)
   */
  hashAlgorithm?: HashAlgorithm | undefined;
  /**
   * The scheme of the Authorization header, matched in any case. Default `'Token'`.
   * (AUTH_HEADER_PREFIX)
   */
  authHeaderPrefix?: string | undefined;
  /** Makes the `user` of the login's answer; null: there is none. Default null. (USER_SERIALIZER) */
  userSerializer?: Hook<[user: object, request: KnoxRequest], unknown> | null | undefined;
  /**
   * Makes the `expiry` of the login's answer. Default: ISO 8601 in UTC, or null if the token never expires.
   * (EXPIRY_DATETIME_FORMAT)
   */
  formatExpiry?: Hook<[expiry: Date | null], unknown> | undefined;
  /**
   * Whether this user may be authenticated: anything but true or 1 is a 401. Default: the owner's `isActive` column;
   * without such a column every user is active.
   */
  isUserActive?: Hook<[user: object], unknown> | undefined;
  /** The owner's relations that are loaded with it, with dots for nested ones (`'roles.team'`). Default none. */
  userRelations?: string[] | undefined;
  /**
   * The raw token of a request, or null if it has none; anything else is a 401. Default: the Authorization header, and
   * the cookie of the option `cookie`. A hook that reads a cookie needs its own CSRF protection.
   */
  extractToken?: Hook<[request: KnoxRequest], string | null> | undefined;
  /**
   * A cookie in which browsers keep the token, where scripts cannot read it. A login sets it, and requests that it
   * authenticates pass the origin check. True: with all defaults. Default null: none.
   */
  cookie?: true | CookieOptions | null | undefined;
  /**
   * A token that has the column `lastUsed` gets one write at most in this time. Default `'60s'`.
   */
  lastUsedInterval?: Duration | undefined;
  /**
   * How much of a client's address is stored with a token that has the column `ip`: `'network'`, its first 24 bits
   * (IPv4) or 48 (IPv6); `'full'`; or `'none'`. Default `'network'`.
   */
  storedIp?: StoredIp | undefined;
  /**
   * How long an answer may wait for the database or for a hook; after that it is a 503. Default `'5s'`, at most 24 days.
   */
  authTimeout?: Duration | undefined;
  /**
   * How many database connections the package opens for itself in each process on PostgreSQL and MariaDB: a whole
   * number, 1 or more, default 4. With 1, a write that waits for a lock holds up all lookups. Ignored on SQLite.
   */
  connections?: number | undefined;
  /**
   * How often expired tokens are deleted in the background, give or take a tenth; null: never. Default null, at most 24
   * days. The first time is one interval after the start.
   */
  pruneInterval?: Duration | null | undefined;
}

/** Injects the runtime options, checked and completed: a KnoxSettings. */
export const KNOX_SETTINGS = Symbol('KNOX_SETTINGS');

/** The runtime options, checked and completed. Durations are in milliseconds; null means that it is off. */
export interface KnoxSettings {
  readonly verifyCredentials: NonNullable<KnoxRuntimeOptions['verifyCredentials']> | null;
  readonly usernameField: string;
  readonly passwordField: string;
  readonly tokenTtl: number | null;
  readonly autoRefresh: boolean;
  readonly autoRefreshMaxTtl: number | null;
  readonly minRefreshInterval: number;
  readonly tokenLimitPerUser: number | null;
  readonly tokenLimitPolicy: TokenLimitPolicy;
  readonly tokenPrefix: string;
  readonly tokenLength: number;
  readonly hashAlgorithm: HashAlgorithm;
  readonly authHeaderPrefix: string;
  readonly userSerializer: NonNullable<KnoxRuntimeOptions['userSerializer']> | null;
  readonly formatExpiry: NonNullable<KnoxRuntimeOptions['formatExpiry']>;
  readonly isUserActive: NonNullable<KnoxRuntimeOptions['isUserActive']> | null;
  readonly userRelations: readonly string[];
  readonly extractToken: NonNullable<KnoxRuntimeOptions['extractToken']> | null;
  readonly cookie: CookieSettings | null;
  readonly lastUsedInterval: number;
  readonly storedIp: StoredIp;
  readonly authTimeout: number;
  readonly connections: number;
  readonly pruneInterval: number | null;
}
