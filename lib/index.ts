/**
 * The package: module, guards, decorators, services, entities and errors.
 *
 * @module nestjs-knox
 */
export {
  KnoxModule,
  type KnoxModuleAsyncOptions,
  type KnoxModuleOptions,
  type KnoxOptionsFactory,
} from './knox.module.ts';
export type { KnoxStaticOptions } from './static-options.ts';
export type { KnoxRuntimeOptions } from './options/runtime-options.ts';
export type { CookieOptions } from './options/cookie.options.ts';
export type { Duration } from './options/duration.ts';
export { KnoxError, KnoxUsageError } from './errors/knox.error.ts';
export { KnoxConfigError } from './errors/knox-config.error.ts';
export { IsolationLevelError } from './errors/isolation-level.error.ts';
export type { HashAlgorithm } from './tokens/token.ts';
export type { BatchMessage, OperationMessage } from './async/diagnostics.ts';
export type { ClientInfo } from './requests/client-info.ts';
export type { KnoxRequest } from './requests/knox-request.ts';

export { AbstractAuthToken } from './entities/abstract-auth-token.entity.ts';
export { AuthToken } from './entities/auth-token.entity.ts';
export { AbstractSessionToken } from './entities/abstract-session-token.entity.ts';
export { SessionToken } from './entities/session-token.entity.ts';
export {
  AbilitiesColumn,
  AuthenticatedColumn,
  IpColumn,
  LastUsedColumn,
  NameColumn,
  UserAgentColumn,
} from './entities/feature-columns.ts';

export { getTokenServiceToken, InjectTokenService } from './service/token-service.token.ts';
export { TokenService } from './service/token.service.ts';
export type { Authenticated } from './service/token.authenticator.ts';
export type { OwnerOrKey } from './service/owner-or-key.ts';
export type { IssuedToken } from './service/token.issuer.ts';
export type { CreateTokenOptions } from './service/token.options.ts';
export {
  KnoxBadRequestException,
  KnoxForbiddenException,
  KnoxUnauthorizedException,
  KnoxUnavailableException,
  TokenLimitExceededException,
  UnknownSessionException,
  type ForbiddenCode,
  type UnauthorizedCode,
} from './service/knox.exceptions.ts';

export {
  KnoxController,
  type LoginContext,
  type LoginResponse,
  type LoginResponseContext,
  type LogoutContext,
} from './http/knox.controller.ts';
export { KnoxSessionsController, type Session } from './http/knox-sessions.controller.ts';
export type { KnoxResponse } from './http/execution-context.ts';
export { KnoxAuthGuard } from './http/knox-auth.guard.ts';
export { OptionalKnoxAuthGuard } from './http/optional-knox-auth.guard.ts';
export { KnoxLoginGuard } from './http/knox-login.guard.ts';
export { KnoxLoginRouteGuard } from './http/knox-login-route.guard.ts';
export { KnoxReauthenticationGuard } from './http/knox-reauthentication.guard.ts';
export { KnoxStrategy } from './http/knox.strategy.ts';
export { Realm } from './http/realm.decorator.ts';
export { Public } from './http/public.decorator.ts';
export { Abilities, AnyAbility, Fresh } from './http/access.decorators.ts';
export { CurrentUser } from './http/current-user.decorator.ts';
export { tokenOf, userOf } from './http/auth-context.ts';
export { CurrentToken } from './http/current-token.decorator.ts';

export {
  AuthFailedEvent,
  type RevocationReason,
  TokenCreatedEvent,
  TokenExpiredEvent,
  TokenRefreshedEvent,
  TokenRevokedEvent,
  UserLoggedInEvent,
  UserLoggedOutEvent,
} from './events/knox.events.ts';
