import {
  Controller,
  type DynamicModule,
  type FactoryProvider,
  type InjectionToken,
  type Provider,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { BackgroundTasks } from './async/background-tasks.ts';
import { hideFromClassTransformer } from './class-transformer.ts';
import { KnoxConfigError } from './errors/knox-config.error.ts';
import { hasFeature } from './entities/feature-columns.ts';
import { checkOwnerName } from './entities/owner-name.check.ts';
import { EventPublisher } from './events/event.publisher.ts';
import { BodyRemover } from './http/body.remover.ts';
import { LoginGuards, loginGuardsToken } from './http/login-guards.ts';
import { KnoxLoginGuard } from './http/knox-login.guard.ts';
import { KnoxController } from './http/knox.controller.ts';
import { KnoxSessionsController } from './http/knox-sessions.controller.ts';
import { KnoxRoutes } from './http/knox-routes.ts';
import { strategyOf } from './http/knox.strategy.ts';
import { LoginFlow } from './http/login.flow.ts';
import { LoginParseErrorHandler } from './http/login-parse-error.handler.ts';
import { Realm } from './http/realm.decorator.ts';
import { Realms, type RealmParts } from './http/realms.ts';
import { RequestAuthenticator } from './http/request-authenticator.ts';
import { ReplyRecorder } from './http/response-of.ts';
import { KnoxLifecycle } from './knox.lifecycle.ts';
import { MODULE_OPTIONS_TOKEN } from './knox.module-definition.ts';
import { DEFAULT_REALM, REALM_NAME } from './options/realm-name.ts';
import { resolveOptions } from './options/resolve-options.ts';
import {
  KNOX_SETTINGS,
  type KnoxRuntimeOptions,
  type KnoxSettings,
} from './options/runtime-options.ts';
import { LastUsedWriter } from './service/last-used.writer.ts';
import { TokenAuthenticator } from './service/token.authenticator.ts';
import { TokenIssuer } from './service/token.issuer.ts';
import { TokenManager } from './service/token.manager.ts';
import { TokenPruner } from './service/token.pruner.ts';
import { TokenRevoker } from './service/token.revoker.ts';
import { getTokenServiceToken } from './service/token-service.token.ts';
import { TokenService } from './service/token.service.ts';
import { TokenSessions } from './service/token.sessions.ts';
import { UserStatus } from './service/user-status.ts';
import {
  STATIC_SETTINGS,
  validateFactoryResult,
  validateLoginGuards,
  type StaticSettings,
} from './static-options.ts';
import { TokenStore } from './store/token.store.ts';

/** What one set of settings comes to, from the store to the service. */
interface TokenChain {
  readonly store: TokenStore;
  readonly manager: TokenManager;
  readonly service: TokenService;
  readonly lifecycle: KnoxLifecycle;
}

/** Injects the TokenChain. */
const TOKEN_CHAIN = Symbol('TOKEN_CHAIN');

/** Injects nothing of use; making it adds the realm to those of the application. */
const REALM_PARTS = Symbol('REALM_PARTS');

/** Injects nothing; making it tells class-transformer what to leave out. */
const SERIALIZATION = Symbol('SERIALIZATION');
/** A check that does not wait for the data source, which could not be brought up. */
const OWNER_NAME = Symbol('OWNER_NAME');

/**
 * What other modules may inject. Realms alone is for guards and controllers. A class is exported by one realm only: of
 * two modules that export it, NestJS takes the one that is imported first.
 */
export function exportedProviders({ realm }: StaticSettings): InjectionToken[] {
  const ofDefault = realm === DEFAULT_REALM ? [TokenService, RequestAuthenticator] : [];
  return [Realms, KnoxLoginGuard, getTokenServiceToken(realm), ...ofDefault];
}

/** What an application has once, however many KnoxModules it imports. */
const SHARED_PROVIDERS = [
  shared(Realms),
  shared(KnoxRoutes, HttpAdapterHost),
  shared(BodyRemover, KnoxRoutes),
  shared(LoginParseErrorHandler, HttpAdapterHost, KnoxRoutes),
];

/** Gives each KnoxModule of an application the same object. */
function shared<Dependencies extends object[], Shared extends object>(
  Shared: new (...dependencies: Dependencies) => Shared,
  ...inject: { [I in keyof Dependencies]: Type<Dependencies[I]> }
): FactoryProvider<Shared> {
  const byApplication = new WeakMap<ModulesContainer, Shared>();
  return {
    provide: Shared,
    inject: [ModulesContainer, ...inject],
    useFactory: (modules: ModulesContainer, ...dependencies: Dependencies): Shared => {
      let made = byApplication.get(modules);
      if (!made) byApplication.set(modules, (made = new Shared(...dependencies)));
      return made;
    },
  };
}

/** All providers of a module with these static options. */
export function knoxProviders(settings: StaticSettings): Provider[] {
  const { realm, loginGuards, dataSource, tokenEntity } = settings;
  return [
    ...SHARED_PROVIDERS,
    { provide: STATIC_SETTINGS, useValue: settings },
    { provide: REALM_NAME, useValue: realm },
    ...new Set([KnoxLoginGuard, ...loginGuards]),
    { provide: loginGuardsToken(realm), useFactory: validateLoginGuards, inject: loginGuards },
    { provide: KNOX_SETTINGS, useFactory: settingsOf, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: SERIALIZATION, useFactory: () => hideFromClassTransformer(tokenEntity) },
    { provide: OWNER_NAME, useFactory: () => checkOwnerName(settings.tokenEntity) },
    BackgroundTasks,
    EventPublisher,
    {
      provide: TOKEN_CHAIN,
      useFactory: (...parts: ChainParts): TokenChain => tokenChain(settings, ...parts),
      inject: [
        KNOX_SETTINGS,
        BackgroundTasks,
        EventPublisher,
        { token: getDataSourceToken(dataSource), optional: true },
      ],
    },
    partOfChain(TokenStore, 'store'),
    partOfChain(TokenManager, 'manager'),
    ...serviceProviders(realm),
    partOfChain(KnoxLifecycle, 'lifecycle'),
    RequestAuthenticator,
    ReplyRecorder,
    LoginFlow,
    LoginGuards,
    strategyOf(realm),
    {
      provide: REALM_PARTS,
      useFactory: addRealm,
      inject: [Realms, RequestAuthenticator, LoginFlow, LoginGuards, getTokenServiceToken(realm)],
    },
  ];
}

/** Lets the guards and controllers of the application find a realm. */
function addRealm(
  realms: Realms,
  requests: RequestAuthenticator,
  logins: LoginFlow,
  loginGuards: LoginGuards,
  service: TokenService,
): RealmParts {
  const parts = { name: requests.realm, requests, logins, loginGuards, service };
  realms.add(parts);
  return parts;
}

function settingsOf(options: KnoxRuntimeOptions): KnoxSettings {
  validateFactoryResult(options);
  return resolveOptions(options);
}

type ChainParts = [
  settings: KnoxSettings,
  tasks: BackgroundTasks,
  events: EventPublisher,
  source: DataSource | undefined,
];

function tokenChain(
  { tokenEntity, dataSource, realm }: StaticSettings,
  ...[settings, tasks, events, source]: ChainParts
): TokenChain {
  checkLimitPolicy(settings, tokenEntity);
  if (!source) {
    throw new KnoxConfigError(
      'dataSource',
      `there is no ${dataSource} TypeORM data source; import TypeOrmModule.forRoot(…) ` +
        'in the root module, or name another one.',
    );
  }
  const { userRelations, connections, authTimeout: timeoutMs, isUserActive } = settings;
  const storeOptions = {
    realm,
    tokenEntity,
    userRelations,
    connections,
    timeoutMs,
    needsWholeOwner: isUserActive !== null,
  };
  const store = new TokenStore(source, tasks, storeOptions);
  const userStatus = new UserStatus(settings, store);
  const issuer = new TokenIssuer(settings, store, userStatus, events);
  const revoker = new TokenRevoker(settings, store, tasks, events);
  const lastUsed = new LastUsedWriter(settings, store);
  const authenticator = new TokenAuthenticator(
    settings,
    store,
    userStatus,
    revoker,
    events,
    lastUsed,
  );
  const sessions = new TokenSessions(store);
  const parts = { realm, store, authenticator, issuer, revoker, sessions, events };
  const manager = new TokenManager(parts);
  const service = new TokenService(settings, manager);
  const pruner = new TokenPruner(settings, store, events);
  const lifecycle = new KnoxLifecycle(store, userStatus, lastUsed, tasks, pruner);
  return { store, manager, service, lifecycle };
}

/** @throws KnoxConfigError if the policy goes by a column that the token entity does not have */
function checkLimitPolicy(
  { tokenLimitPolicy }: KnoxSettings,
  { name, prototype }: StaticSettings['tokenEntity'],
): void {
  if (tokenLimitPolicy !== 'evict-least-used' || hasFeature(prototype as object, 'lastUsed'))
    return;
  throw new KnoxConfigError(
    'tokenLimitPolicy',
    `'evict-least-used' goes by the column "lastUsed", and ${name} has none; use SessionToken as tokenEntity, write ` +
      "@LastUsedColumn() lastUsed!: Date | null in yours, or choose 'evict-oldest'.",
  );
}

/** The class stands for the default realm alone: of several, `app.get(TokenService)` would find the last. */
function serviceProviders(realm: string): Provider[] {
  const token = getTokenServiceToken(realm);
  if (realm !== DEFAULT_REALM) return [partOfChain(token, 'service')];
  return [partOfChain(TokenService, 'service'), { provide: token, useExisting: TokenService }];
}

function partOfChain<Name extends keyof TokenChain>(
  provide: string | (abstract new (...args: never[]) => TokenChain[Name]),
  name: Name,
): Provider {
  return {
    provide,
    useFactory: (chain: TokenChain): TokenChain[Name] => chain[name],
    inject: [TOKEN_CHAIN],
  };
}

/**
 * The repository of the token entity; its registration lets `autoLoadEntities` find the entity. Without a data source
 * the repository is undefined, so that the package's error is thrown, and not that of NestJS's injector.
 */
export function entityFeature({ tokenEntity, dataSource }: StaticSettings): DynamicModule {
  const feature = TypeOrmModule.forFeature([tokenEntity], dataSource);
  const providers = (feature.providers ?? []).map((provider) => {
    const { useFactory, ...rest } = provider as FactoryProvider;
    return {
      ...rest,
      useFactory: (source: DataSource | undefined): unknown => source && useFactory(source),
      inject: [{ token: getDataSourceToken(dataSource), optional: true }],
    };
  });
  return { ...feature, providers, exports: providers };
}

/** The controllers of the module's own. */
export function defaultControllers(settings: StaticSettings): Type<unknown>[] {
  const { controller, sessions, path, realm, tokenEntity } = settings;
  if (!controller) return [];
  const main = defaultController(KnoxController, path, realm);
  if (!hasFeature(tokenEntity.prototype as object, 'authenticated'))
    hideRoute(main, 'reauthenticate');
  return sessions
    ? [main, defaultController(KnoxSessionsController, `${path}/sessions`, realm)]
    : [main];
}

/** A new class for each application, because a decorator writes on the class that it decorates. */
function defaultController(base: Type<object>, path: string, realm: string): Type<unknown> {
  const DefaultController = class extends base {};
  Object.defineProperty(DefaultController, 'name', { value: base.name });
  Controller(path)(DefaultController);
  Realm(realm)(DefaultController);
  return DefaultController;
}

/** Takes a route away: NestJS reads it from the metadata of the method. */
function hideRoute(type: Type<unknown>, method: string): void {
  Object.defineProperty(type.prototype, method, { value: () => undefined });
}
