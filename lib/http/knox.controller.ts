import { HttpCode, HttpStatus, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { Duration } from '../options/duration.ts';
import { parseDuration } from '../options/duration.ts';
import type { Awaitable, KnoxRuntimeOptions } from '../options/runtime-options.ts';
import type { IssuedToken } from '../service/token.issuer.ts';
import { TokenService } from '../service/token.service.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { KnoxResponse } from './execution-context.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import { KnoxLoginRouteGuard } from './knox-login-route.guard.ts';
import { Public } from './public.decorator.ts';
import { LoginFlow } from './login.flow.ts';

/** What the hooks of a login get. */
export interface LoginContext<Token extends AbstractAuthToken = AuthToken> {
  /** The adapter's own request. */
  readonly request: KnoxRequest;
  /** The adapter's own response, for headers and cookies. */
  readonly response: KnoxResponse;
  /** Whom the login guards have found. */
  readonly user: Token['user'];
}

/** What `getLoginResponse` gets: also the token that was made. */
export interface LoginResponseContext<Token extends AbstractAuthToken = AuthToken>
  extends LoginContext<Token>, IssuedToken<Token> {}

/** What the hooks of a logout get: the token presented, which is deleted by now. */
export interface LogoutContext<
  Token extends AbstractAuthToken = AuthToken,
> extends LoginContext<Token> {
  readonly authToken: Token;
}

/** What a login is answered with, unless `getLoginResponse` says otherwise. */
export interface LoginResponse {
  expiry: unknown;
  token: string;
  user?: unknown;
}

/**
 * The routes `login`, `logout` and `logoutall`. To change them, set `controller: false` and list a
 * subclass with a `@Controller(path)` of its own in a module of the application. What an override
 * leaves undefined falls back to the option. Dependencies are properties, so that a subclass owns
 * its constructor. It has no #private members: where NestJS resolves a circular dependency, it copies
 * an instance's properties onto another object.
 *
 * @see knox/views.py
 * @publicApi
 */
export class KnoxController<Token extends AbstractAuthToken = AuthToken> {
  @Inject(TokenService)
  protected readonly tokens!: TokenService<Token>;

  @Inject(LoginFlow)
  private readonly sessions!: LoginFlow<Token>;

  @Post('login')
  @HttpCode(HttpStatus.OK)
  @Public()
  @UseGuards(KnoxLoginRouteGuard)
  async login(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const context = { request, response, user: this.sessions.userOf(request) };
    let issued: IssuedToken<Token>;
    try {
      issued = (await this.createToken(context)) ?? (await this.defaultToken(context));
    } catch (error) {
      throw this.sessions.toLoginError(request, response, error);
    }
    try {
      const full = { ...context, ...issued };
      let answer = await this.getLoginResponse(full);
      if (answer === undefined) answer = await this.defaultLoginResponse(full);
      this.sessions.complete(request, context.user, issued.authToken);
      return answer;
    } catch (error) {
      await this.sessions.cancel(request, issued.authToken);
      throw error;
    }
  }

  @Post('logout')
  @HttpCode(HttpStatus.NO_CONTENT)
  @UseGuards(KnoxAuthGuard)
  async logout(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const found = await this.sessions.logout(request);
    return respond(response, await this.getLogoutResponse({ request, response, ...found }));
  }

  @Post('logoutall')
  @HttpCode(HttpStatus.NO_CONTENT)
  @UseGuards(KnoxAuthGuard)
  async logoutAll(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    const found = await this.sessions.logoutAll(request);
    return respond(response, await this.getLogoutAllResponse({ request, response, ...found }));
  }

  /** How long the new token lives; null: for ever. (knox: get_token_ttl) */
  protected getTokenTtl(_context: LoginContext<Token>): Awaitable<Duration | null | undefined> {
    return this.sessions.settings.tokenTtl;
  }

  /** What the new token begins with. (knox: get_token_prefix) */
  protected getTokenPrefix(_context: LoginContext<Token>): Awaitable<string | undefined> {
    return this.sessions.settings.tokenPrefix;
  }

  /** How many unexpired tokens this user may hold; null: any. (knox: get_token_limit_per_user) */
  protected getTokenLimitPerUser(
    _context: LoginContext<Token>,
  ): Awaitable<number | null | undefined> {
    return this.sessions.settings.tokenLimitPerUser;
  }

  /** What makes the `user` of the answer; null: nothing. (knox: get_user_serializer_class) */
  protected getUserSerializer(
    _context: LoginContext<Token>,
  ): Awaitable<KnoxRuntimeOptions['userSerializer']> {
    return this.sessions.settings.userSerializer;
  }

  /** What the answer holds under `expiry`. (knox: format_expiry_datetime) */
  protected formatExpiry(expiry: Date | null): unknown {
    return this.sessions.settings.formatExpiry(expiry);
  }

  /** Makes the token. (knox: create_token) */
  protected createToken(context: LoginContext<Token>): Awaitable<IssuedToken<Token> | undefined> {
    return this.defaultToken(context);
  }

  /** The answer to a login. (knox: get_post_response_data) */
  protected getLoginResponse(context: LoginResponseContext<Token>): unknown {
    return this.defaultLoginResponse(context);
  }

  /** The answer to a logout: undefined is a 204, anything else a 200. (get_post_response) */
  protected getLogoutResponse(_context: LogoutContext<Token>): unknown {
    return undefined;
  }

  /** The answer to a logoutall: undefined is a 204, anything else a 200. (get_post_response) */
  protected getLogoutAllResponse(_context: LogoutContext<Token>): unknown {
    return undefined;
  }

  private async defaultToken(context: LoginContext<Token>): Promise<IssuedToken<Token>> {
    const ttl = await this.getTokenTtl(context);
    const prefix = await this.getTokenPrefix(context);
    const limit = await this.getTokenLimitPerUser(context);
    return this.sessions.issue(context.request, context.user, {
      // A TTL that is the option's is none of the token's own: a refresh goes by the option then.
      ttl: parseDuration(ttl) === this.sessions.settings.tokenTtl ? undefined : ttl,
      prefix,
      limit,
    });
  }

  private async defaultLoginResponse(context: LoginResponseContext<Token>): Promise<LoginResponse> {
    const { request, user, authToken, token } = context;
    const { settings } = this.sessions;
    const formatted = await this.formatExpiry(authToken.expiry);
    const expiry =
      formatted === undefined ? await settings.formatExpiry(authToken.expiry) : formatted;
    const override = await this.getUserSerializer(context);
    const serialize = override === undefined ? settings.userSerializer : override;
    if (!serialize) return { expiry, token };
    return { expiry, token, user: await serialize(user, request) };
  }
}

/** Other than nothing is sent with 200. */
function respond(response: KnoxResponse, answer: unknown): unknown {
  if (answer !== undefined) response.status(HttpStatus.OK);
  return answer;
}
