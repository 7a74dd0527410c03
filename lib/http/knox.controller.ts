import { HttpCode, HttpStatus, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import { parseDuration, type Duration } from '../options/duration.ts';
import type { Awaitable, KnoxRuntimeOptions } from '../options/runtime-options.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { IssuedToken } from '../service/token.issuer.ts';
import type { TokenService } from '../service/token.service.ts';
import { Abilities, Unrestricted } from './access.decorators.ts';
import { ClearCookie } from './clear-cookie.decorator.ts';
import type { KnoxResponse } from './execution-context.ts';
import { IgnoreBody } from './ignore-body.decorator.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import { KnoxLoginRouteGuard } from './knox-login-route.guard.ts';
import { KnoxReauthenticationGuard } from './knox-reauthentication.guard.ts';
import type { LoginFlow } from './login.flow.ts';
import { NoStore } from './no-store.decorator.ts';
import { Public } from './public.decorator.ts';
import { Realms } from './realms.ts';

/** What the hooks of a login get. */
export interface LoginContext<Token extends AbstractAuthToken = AuthToken> {
  /** The adapter's own request. */
  readonly request: KnoxRequest;
  /** The adapter's own response, for headers and cookies. */
  readonly response: KnoxResponse;
  /** The user that the login guards have found. */
  readonly user: Token['user'];
}

/** What `getLoginResponse` gets: the same, and the token that was made. */
export interface LoginResponseContext<Token extends AbstractAuthToken = AuthToken>
  extends LoginContext<Token>, IssuedToken<Token> {}

/** What the hooks of a logout get: the same, and the token that was presented and is now deleted. */
export interface LogoutContext<
  Token extends AbstractAuthToken = AuthToken,
> extends LoginContext<Token> {
  readonly authToken: Token;
}

/** The body of a login's answer, unless `getLoginResponse` gives another. */
export interface LoginResponse {
  expiry: unknown;
  /** Not there if the answer gives it in a cookie. */
  token?: string;
  user?: unknown;
}

/**
 * The routes `login`, `logout` and `logoutall`. To change them, set `controller: false`, extend this class, and list
 * the subclass, with its `@Controller(path)`, in a module of the application. If an override returns undefined, the
 * option counts. For another realm than `api`, write `@Realm('staff')` on the subclass. Dependencies are properties, so
 * that a subclass has its constructor to itself.
 *
 * @see knox/views.py
 * @publicApi
 */
// No #private members: to resolve a circular dependency, NestJS copies an instance's properties to another object.
export class KnoxController<Token extends AbstractAuthToken = AuthToken> {
  @Inject(Realms)
  private readonly realms!: Realms;

  /** The TokenService of the controller's realm. */
  protected get tokens(): TokenService<Token> {
    return this.realms.ofController(this.constructor)
      .service as TokenService<AbstractAuthToken> as TokenService<Token>;
  }

  private get flow(): LoginFlow<Token> {
    return this.realms.ofController(this.constructor).logins as LoginFlow<Token>;
  }

  @Post('login')
  @HttpCode(HttpStatus.OK)
  @Public()
  @UseGuards(KnoxLoginRouteGuard)
  async login(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const context = { request, response, user: this.flow.userOf(request) };
    let issued: IssuedToken<Token>;
    try {
      issued = (await this.createToken(context)) ?? (await this.defaultToken(context));
    } catch (error) {
      throw this.flow.toLoginError(request, response, error);
    }
    const answer = await this.answerLogin({ ...context, ...issued });
    this.flow.complete(request, context.user, issued.authToken);
    return answer;
  }

  @Post('logout')
  @HttpCode(HttpStatus.NO_CONTENT)
  @IgnoreBody()
  @ClearCookie()
  @Abilities()
  @UseGuards(KnoxAuthGuard)
  async logout(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const found = await this.flow.current(request);
    const op = this.flow.requests.operationOf(request);
    try {
      await this.flow.withChallenge(response, this.flow.tokens.logOut(found, op));
    } catch (error) {
      if (error instanceof KnoxUnauthorizedException) this.flow.clearCookie(request, response);
      throw error;
    }
    this.flow.clearCookie(request, response);
    return respond(response, await this.getLogoutResponse({ request, response, ...found }));
  }

  @Post('logoutall')
  @HttpCode(HttpStatus.NO_CONTENT)
  @IgnoreBody()
  @ClearCookie()
  @Unrestricted()
  @UseGuards(KnoxAuthGuard)
  async logoutAll(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const found = await this.flow.current(request);
    await this.flow.tokens.logOutEverywhere(found, this.flow.requests.operationOf(request));
    this.flow.clearCookie(request, response);
    return respond(response, await this.getLogoutAllResponse({ request, response, ...found }));
  }

  /**
   * Gives the token that was presented a new raw token, because its holder has proved a password again. There is no such
   * route if the token entity has no column `authenticated`.
   */
  @Post('reauthenticate')
  @HttpCode(HttpStatus.OK)
  @NoStore()
  @Abilities()
  @UseGuards(KnoxReauthenticationGuard)
  async reauthenticate(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const found = await this.flow.current(request);
    const context = { request, response, user: found.user };
    const prefix = await this.getTokenPrefix(context);
    const op = this.flow.requests.operationOf(request);
    const renewal = this.flow.tokens.reauthenticate(found, prefix, op);
    const issued = await this.flow.withChallenge(response, renewal);
    return this.answerLogin({ ...context, ...issued });
  }

  /** How long the new token lives; null: for ever. (knox: get_token_ttl) */
  protected getTokenTtl(_context: LoginContext<Token>): Awaitable<Duration | null | undefined> {
    return this.flow.settings.tokenTtl;
  }

  /** What the new token begins with. (knox: get_token_prefix) */
  protected getTokenPrefix(_context: LoginContext<Token>): Awaitable<string | undefined> {
    return this.flow.settings.tokenPrefix;
  }

  /** How many unexpired tokens this user may hold; null: any. (knox: get_token_limit_per_user) */
  protected getTokenLimitPerUser(
    _context: LoginContext<Token>,
  ): Awaitable<number | null | undefined> {
    return this.flow.settings.tokenLimitPerUser;
  }

  /** The function that makes the `user` of the answer; null: there is none. (knox: get_user_serializer_class) */
  protected getUserSerializer(
    _context: LoginContext<Token>,
  ): Awaitable<KnoxRuntimeOptions['userSerializer']> {
    return this.flow.settings.userSerializer;
  }

  /** The value of `expiry` in the answer. (knox: format_expiry_datetime) */
  protected formatExpiry(expiry: Date | null): unknown {
    return this.flow.settings.formatExpiry(expiry);
  }

  /** Makes the token. (knox: create_token) */
  protected createToken(context: LoginContext<Token>): Awaitable<IssuedToken<Token> | undefined> {
    return this.defaultToken(context);
  }

  /** The answer to a login. (knox: get_post_response_data) */
  protected getLoginResponse(context: LoginResponseContext<Token>): unknown {
    return this.defaultLoginResponse(context);
  }

  /** The answer to a logout: undefined is a 204, anything else a 200. (knox: get_post_response) */
  protected getLogoutResponse(_context: LogoutContext<Token>): unknown {
    return undefined;
  }

  /** The answer to a logoutall: undefined is a 204, anything else a 200. (knox: get_post_response) */
  protected getLogoutAllResponse(_context: LogoutContext<Token>): unknown {
    return undefined;
  }

  /** If there is no answer, nobody has the token, and it is deleted. */
  private async answerLogin(context: LoginResponseContext<Token>): Promise<unknown> {
    try {
      const given = await this.getLoginResponse(context);
      const answer = given === undefined ? await this.defaultLoginResponse(context) : given;
      this.flow.setCookie(context.request, context.response, context);
      return answer;
    } catch (error) {
      await this.flow.cancel(context.request, context.authToken);
      throw error;
    }
  }

  private async defaultToken(context: LoginContext<Token>): Promise<IssuedToken<Token>> {
    const ttl = await this.getTokenTtl(context);
    const prefix = await this.getTokenPrefix(context);
    const limit = await this.getTokenLimitPerUser(context);
    // If the TTL is that of the option, store none with the token: a refresh goes by the option then.
    const ownTtl = parseDuration(ttl) === this.flow.settings.tokenTtl ? undefined : ttl;
    const name = this.flow.nameOf(context.request);
    const op = this.flow.requests.operationOf(context.request);
    return this.flow.tokens.create(context.user, { ttl: ownTtl, prefix, limit, name }, op);
  }

  private async defaultLoginResponse(context: LoginResponseContext<Token>): Promise<LoginResponse> {
    const { request, user, authToken, token } = context;
    const { settings } = this.flow;
    const formatted = await this.formatExpiry(authToken.expiry);
    const expiry =
      formatted === undefined ? await settings.formatExpiry(authToken.expiry) : formatted;
    const override = await this.getUserSerializer(context);
    const serialize = override === undefined ? settings.userSerializer : override;
    const answer = this.flow.answersInCookie(request) ? { expiry } : { expiry, token };
    if (!serialize) return answer;
    return { ...answer, user: await serialize(user, request) };
  }
}

/** An answer with a body is sent with 200, in place of the route's 204. */
function respond(response: KnoxResponse, answer: unknown): unknown {
  if (answer !== undefined) response.status(HttpStatus.OK);
  return answer;
}
