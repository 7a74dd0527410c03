import type { HashAlgorithm } from '../tokens/token.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { Duration } from './duration.ts';

/** A value, or a promise of one: hooks may be async, and are awaited. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A hook. Its parameters are compared bivariantly, as a method's are, so that an application may
 * declare them as its own `User` and as its adapter's `Request`.
 */
export type Hook<Parameters extends unknown[], Result> = {
  hook(...parameters: Parameters): Awaitable<Result>;
}['hook'];

/** The options that a factory of `KnoxModule.forRootAsync` may return. */
export interface KnoxRuntimeOptions {
  /**
   * The user that these credentials belong to, or null. Asked by the built-in login guard, which
   * needs it. An HttpException that it throws is the answer; anything else it throws, and taking
   * longer than `authTimeout`, is a 503.
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
   * A refresh never moves an expiry past created + this; null: no such bound. Default null.
   * (AUTO_REFRESH_MAX_TTL)
   */
  autoRefreshMaxTtl?: Duration | null | undefined;
  /** A refresh is written only if it gains more than this. Default `'60s'`. (MIN_REFRESH_INTERVAL) */
  minRefreshInterval?: Duration | undefined;
  /** How many unexpired tokens one user may hold; null: any. Default null. (TOKEN_LIMIT_PER_USER) */
  tokenLimitPerUser?: number | null | undefined;
  /**
   * What each new token begins with: 0 to 10 letters, digits, `_` or `-`. Default `''`.
   * (TOKEN_PREFIX)
   */
  tokenPrefix?: string | undefined;
  /**
   * Characters of a new token's random part, hexadecimal: an even number from 48 to 256, default
   * 64. Tokens of another length made earlier stay valid. (AUTH_TOKEN_CHARACTER_LENGTH)
   */
  tokenLength?: number | undefined;
  /**
   * The hash under which tokens are stored. Default `'sha512'`. Another one makes all earlier
   * tokens unknown. (SECURE_HASH_ALGORITHM)
   */
  hashAlgorithm?: HashAlgorithm | undefined;
  /**
   * The scheme of the Authorization header, matched in any case. Default `'Token'`.
   * (AUTH_HEADER_PREFIX)
   */
  authHeaderPrefix?: string | undefined;
  /** What the login answer holds under `user`; null: nothing. Default null. (USER_SERIALIZER) */
  userSerializer?: Hook<[user: object, request: KnoxRequest], unknown> | null | undefined;
  /**
   * What the login answer holds under `expiry`. Default: ISO 8601 in UTC, or null where the token
   * never expires. (EXPIRY_DATETIME_FORMAT)
   */
  formatExpiry?: Hook<[expiry: Date | null], unknown> | undefined;
  /**
   * Whether this user may be authenticated: anything but true or 1 is a 401. By default the
   * owner's `isActive` column says so; without such a column every user is active.
   */
  isUserActive?: Hook<[user: object], unknown> | undefined;
  /** Relations of the owner to load with it, dots for nested ones (`'roles'`). Default none. */
  userRelations?: string[] | undefined;
  /**
   * The raw token of a request, or null for none; anything else is a 401. By default it is read
   * from the Authorization header. An application that reads a cookie owns its CSRF protection.
   */
  extractToken?: Hook<[request: KnoxRequest], string | null> | undefined;
  /**
   * How long an answer may wait for the database or for `verifyCredentials`; then it is a 503.
   * Default `'5s'`.
   */
  authTimeout?: Duration | undefined;
}

/** The runtime options, checked and completed: durations in milliseconds, null for what is off. */
export interface KnoxSettings {
  readonly verifyCredentials: NonNullable<KnoxRuntimeOptions['verifyCredentials']> | null;
  readonly usernameField: string;
  readonly passwordField: string;
  readonly tokenTtl: number | null;
  readonly autoRefresh: boolean;
  readonly autoRefreshMaxTtl: number | null;
  readonly minRefreshInterval: number;
  readonly tokenLimitPerUser: number | null;
  readonly tokenPrefix: string;
  readonly tokenLength: number;
  readonly hashAlgorithm: HashAlgorithm;
  readonly authHeaderPrefix: string;
  readonly userSerializer: NonNullable<KnoxRuntimeOptions['userSerializer']> | null;
  readonly formatExpiry: NonNullable<KnoxRuntimeOptions['formatExpiry']>;
  readonly isUserActive: NonNullable<KnoxRuntimeOptions['isUserActive']> | null;
  readonly userRelations: readonly string[];
  readonly extractToken: NonNullable<KnoxRuntimeOptions['extractToken']> | null;
  readonly authTimeout: number;
}
