import {
  Controller,
  type DynamicModule,
  type FactoryProvider,
  type Provider,
  type Type,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { BackgroundTasks } from './async/background-tasks.ts';
import { hideFromClassTransformer } from './class-transformer.ts';
import { KnoxConfigError } from './errors/knox-config.error.ts';
import { hasFeature } from './entities/feature-columns.ts';
import { checkOwnerName } from './entities/owner-name.check.ts';
import { EventPublisher } from './events/event.publisher.ts';
import { BodyRemover } from './http/body.remover.ts';
import { LOGIN_GUARDS } from './http/knox-login-route.guard.ts';
import { KnoxLoginGuard } from './http/knox-login.guard.ts';
import { KnoxController } from './http/knox.controller.ts';
import { KnoxSessionsController } from './http/knox-sessions.controller.ts';
import { KnoxRoutes } from './http/knox-routes.ts';
import { KnoxStrategy } from './http/knox.strategy.ts';
import { LoginFlow } from './http/login.flow.ts';
import { LoginParseErrorHandler } from './http/login-parse-error.handler.ts';
import { RequestAuthenticator } from './http/request-authenticator.ts';
import { KnoxLifecycle } from './knox.lifecycle.ts';
import { MODULE_OPTIONS_TOKEN } from './knox.module-definition.ts';
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
import { TokenService } from './service/token.service.ts';
import { TokenSessions } from './service/token.sessions.ts';
import { UserStatus } from './service/user-status.ts';
import {
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

/** What the tokens of an application are called where it has one kind of them. */
const REALM = 'api';

/** Injects nothing; making it tells class-transformer what to leave out. */
const SERIALIZATION = Symbol('SERIALIZATION');
/** A check that does not wait for the data source, which could not be brought up. */
const OWNER_NAME = Symbol('OWNER_NAME');

/** Everything that guards and controllers in other modules inject. */
export const EXPORTED_PROVIDERS = [
  TokenService,
  RequestAuthenticator,
  LoginFlow,
  KnoxLoginGuard,
  LOGIN_GUARDS,
];

/** All providers of a module with these static options. */
export function knoxProviders(settings: StaticSettings): Provider[] {
  const { loginGuards, dataSource, tokenEntity } = settings;
  return [
    ...new Set([KnoxLoginGuard, ...loginGuards]),
    { provide: LOGIN_GUARDS, useFactory: validateLoginGuards, inject: loginGuards },
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
    partOfChain(TokenService, 'service'),
    partOfChain(KnoxLifecycle, 'lifecycle'),
    RequestAuthenticator,
    LoginFlow,
    KnoxRoutes,
    BodyRemover,
    LoginParseErrorHandler,
    KnoxStrategy,
  ];
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
  { tokenEntity, dataSource }: StaticSettings,
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
  const { userRelations, connections, authTimeout: timeoutMs } = settings;
  const storeOptions = { realm: REALM, tokenEntity, userRelations, connections, timeoutMs };
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
  const sessions = new TokenSessions(store, revoker);
  const parts = { realm: REALM, store, authenticator, issuer, revoker, sessions, events };
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

function partOfChain<Name extends keyof TokenChain>(
  provide: abstract new (...args: never[]) => TokenChain[Name],
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
  const { controller, sessions, path, tokenEntity } = settings;
  if (!controller) return [];
  const main = defaultController(KnoxController, path);
  if (!hasFeature(tokenEntity.prototype as object, 'authenticated'))
    hideRoute(main, 'reauthenticate');
  return sessions ? [main, defaultController(KnoxSessionsController, `${path}/sessions`)] : [main];
}

/** A new class for each application, because a decorator writes on the class that it decorates. */
function defaultController(base: Type<object>, path: string): Type<unknown> {
  const DefaultController = class extends base {};
  Object.defineProperty(DefaultController, 'name', { value: base.name });
  Controller(path)(DefaultController);
  return DefaultController;
}

/** Takes a route away: NestJS reads it from the metadata of the method. */
function hideRoute(type: Type<unknown>, method: string): void {
  Object.defineProperty(type.prototype, method, { value: () => undefined });
}
