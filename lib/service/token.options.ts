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
import { MAX_PREFIX_LENGTH, isTokenPrefix } from '../tokens/token.ts';

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
}

/** @throws ArgumentError for an option that is wrong, or that the token's table cannot store */
export function tokenOptions(
  options: CreateTokenOptions,
  settings: KnoxSettings,
  schema: TokenSchema,
): TokenOptions {
  const { prefix = settings.tokenPrefix, limit = settings.tokenLimitPerUser } = options;
  const { ttl, columns = {} } = options;
  const ownTtl = ownTtlOf(ttl, settings, schema);
  return {
    prefix: checkPrefix(prefix),
    limit: checkLimit(limit),
    ttl: checkLastInstant(ttl === undefined ? settings.tokenTtl : ownTtl, schema),
    ownTtl,
    columns: checkColumns(columns, schema),
  };
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

function checkPrefix(prefix: unknown): string {
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
