import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { KnoxAuthGuard } from './http/knox-auth.guard.ts';
import { KnoxLoginGuard } from './http/knox-login.guard.ts';
import { KnoxConfigError, describeKind } from './errors/knox-config.error.ts';
import { givenOptions } from './options/given-options.ts';
import { DEFAULT_REALM, isRealmName } from './options/realm-name.ts';
import { rejectUnknownOptions, RUNTIME_OPTION_NAMES } from './options/resolve-options.ts';
import { AbstractAuthToken, type TokenEntity } from './entities/abstract-auth-token.entity.ts';
import { AuthToken } from './entities/auth-token.entity.ts';
import { BaseToken, TOKEN_ENTITY } from './entities/base-token.ts';
import { ONE_COPY } from './copies.ts';

/** The options that the module's definition depends on. A factory cannot return them: it runs later. */
export interface KnoxStaticOptions {
  /**
   * The name of this kind of users, for which there is one KnoxModule: 1 to 64 letters, digits, `.`, `_` or `-`. It is
   * what `@Realm()` names, and the realm of the challenges. Default `'api'`.
   */
  realm?: string | undefined;
  /** The token entity: a class that extends AbstractAuthToken. Default AuthToken. */
  tokenEntity?: TokenEntity | undefined;
  /**
   * The guard classes of the login route, one of which must set `request.user`. Their dependencies come from
   * `imports`. Default the built-in KnoxLoginGuard. (knox: LoginView.authentication_classes)
   */
  loginGuards?: Type<CanActivate>[] | undefined;
  /** Whether the module adds the routes. Default true. */
  controller?: boolean | undefined;
  /** Whether the module adds the routes by which users see and end their sessions. Default false. */
  sessions?: boolean | undefined;
  /** The path of the default controller. Default `'auth'`. */
  path?: string | undefined;
  /** Whether every module may use the package without importing it. Default true. */
  isGlobal?: boolean | undefined;
  /** The name of a TypeORM data source. Default: the default one. */
  dataSource?: string | undefined;
}

/** What `forRoot` takes beside runtime options. */
export interface ForRootExtras extends KnoxStaticOptions {
  /** Modules that `loginGuards` and `verifyCredentials` need. */
  imports?: ModuleMetadata['imports'] | undefined;
}

export type StaticSettings = {
  readonly [Option in keyof KnoxStaticOptions]-?: NonNullable<KnoxStaticOptions[Option]>;
};

/** Injects the static options, completed: a StaticSettings. */
export const STATIC_SETTINGS = Symbol('STATIC_SETTINGS');

export const STATIC_DEFAULTS: StaticSettings = {
  realm: DEFAULT_REALM,
  tokenEntity: AuthToken,
  loginGuards: [KnoxLoginGuard],
  controller: true,
  sessions: false,
  path: 'auth',
  isGlobal: true,
  dataSource: 'default',
};

const STATIC_NAMES = Object.keys(STATIC_DEFAULTS);
const ASYNC_NAMES = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting'];

/** NestJS 11 and later: providers for `inject` that no import has. */
const ASYNC_EXTRA_NAMES = ['provideInjectionTokensFrom'];

const RULES: Record<
  keyof StaticSettings,
  { expects: string; isValid: (value: unknown) => boolean }
> = {
  realm: {
    expects: "a name such as 'staff': 1 to 64 letters, digits, '.', '_' or '-'",
    isValid: isRealmName,
  },
  tokenEntity: {
    expects: 'a class that extends AbstractAuthToken',
    isValid: (value) =>
      typeof value === 'function' &&
      value.prototype instanceof BaseToken &&
      value !== AbstractAuthToken,
  },
  loginGuards: {
    expects: 'an array of one or more guard classes, KnoxAuthGuard not among them',
    isValid: (value) => Array.isArray(value) && value.length > 0 && value.every(isLoginGuard),
  },
  controller: { expects: 'true or false', isValid: (value) => typeof value === 'boolean' },
  sessions: { expects: 'true or false', isValid: (value) => typeof value === 'boolean' },
  path: { expects: "a string such as 'auth'", isValid: (value) => typeof value === 'string' },
  isGlobal: { expects: 'true or false', isValid: (value) => typeof value === 'boolean' },
  dataSource: {
    expects: 'the name of a data source',
    isValid: (value) => typeof value === 'string' && value !== '',
  },
};

/** A guard that accepts tokens is refused: a stolen token could then make tokens that outlive its logout. */
function isLoginGuard(guard: unknown): boolean {
  if (typeof guard !== 'function' || typeof guard.prototype !== 'object') return false;
  return guard !== KnoxAuthGuard && !(guard.prototype instanceof KnoxAuthGuard);
}

/**
 * The static options among those of `forRoot` or `forRootAsync`, completed with the defaults.
 *
 * @throws KnoxConfigError for the first that is wrong
 */
export function resolveStaticOptions(given: object): StaticSettings {
  const options: KnoxStaticOptions = givenOptions(given);
  const entries = Object.entries(RULES).map(([name, { expects, isValid }]) => {
    const key = name as keyof StaticSettings;
    const found: unknown = options[key];
    const value = found === undefined ? STATIC_DEFAULTS[key] : found;
    if (isValid(value)) return [key, value];
    throw new KnoxConfigError(name, `expected ${expects}; got ${describeValue(value)}.`);
  });
  const settings = Object.fromEntries(entries) as StaticSettings;
  (settings.tokenEntity as unknown as typeof BaseToken).validateClass();
  return settings;
}

function describeValue(value: unknown): string {
  const isOfAnotherCopy =
    typeof value === 'function' &&
    TOKEN_ENTITY in value &&
    !(value.prototype instanceof BaseToken) &&
    (value as unknown) !== BaseToken;
  return isOfAnotherCopy ? `one of another copy of nestjs-knox; ${ONE_COPY}` : describeKind(value);
}

/** @throws KnoxConfigError for an option that is neither static nor runtime */
export function validateOptions(given: object): void {
  validateObject(given, 'options');
  rejectUnknownOptions(given, [...RUNTIME_OPTION_NAMES, ...STATIC_NAMES, 'imports']);
}

/** @throws KnoxConfigError for an option that cannot stand beside a factory */
export function validateAsyncOptions(given: object): void {
  validateObject(given, 'options');
  const runtime = Object.keys(given).find((name) => RUNTIME_OPTION_NAMES.includes(name));
  if (runtime !== undefined) {
    throw new KnoxConfigError(
      runtime,
      'return it from the factory; forRootAsync takes it nowhere else.',
    );
  }
  rejectUnknownOptions(given, [...STATIC_NAMES, ...ASYNC_NAMES, ...ASYNC_EXTRA_NAMES]);
  const { useFactory, useClass, useExisting } = givenOptions(given) as Record<string, unknown>;
  const ways = [useFactory, useClass, useExisting].filter((way) => way !== undefined);
  if (ways.length !== 1 || typeof ways[0] !== 'function') {
    throw new KnoxConfigError('useFactory', 'give one of useFactory, useClass and useExisting.');
  }
  const prototype = (useClass as { prototype?: Record<string, unknown> } | undefined)?.prototype;
  if (prototype && typeof prototype.createKnoxOptions !== 'function') {
    throw new KnoxConfigError('useClass', 'the class needs a method createKnoxOptions().');
  }
}

/** @throws KnoxConfigError for a static option, which a factory returns too late */
export function validateFactoryResult(result: object): void {
  if ((result as unknown) === null) {
    throw new KnoxConfigError(
      'useFactory',
      'expected an object of options; got null. If the factory injects a provider that itself needs TokenService, let ' +
        'that one use @Inject(forwardRef(() => TokenService)), and the factory inject it without forwardRef.',
    );
  }
  validateObject(result, 'useFactory');
  const late = Object.keys(result).find((name) => STATIC_NAMES.includes(name));
  if (late === undefined) return;
  throw new KnoxConfigError(
    late,
    'is a static option; write it beside useFactory, not in its result.',
  );
}

/** @throws KnoxConfigError for an instance that is not a guard */
export function validateLoginGuards(...guards: CanActivate[]): CanActivate[] {
  for (const guard of guards) {
    if (typeof (guard as Partial<CanActivate>).canActivate === 'function') continue;
    const { name } = guard.constructor;
    throw new KnoxConfigError('loginGuards', `${name} has no method canActivate(context).`);
  }
  return guards;
}

function validateObject(value: unknown, option: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new KnoxConfigError(option, `expected an object of options; got ${describeKind(value)}.`);
}
