import { Inject, Injectable, Logger } from '@nestjs/common';
import { Operation } from '../async/operation.ts';
import { REALM_NAME } from '../options/realm-name.ts';
import { KNOX_SETTINGS, type KnoxSettings } from '../options/runtime-options.ts';
import { authorizationValues, parseTokenHeader } from '../requests/authorization-header.ts';
import { clientOf } from '../requests/client-info.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { onlyReads } from '../requests/origin.check.ts';
import { privateSlot } from '../requests/private-slot.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { TokenManager } from '../service/token.manager.ts';
import { CookieTransport } from './cookie.transport.ts';
import type { KnoxResponse } from './execution-context.ts';

const logger = new Logger('KnoxModule');

/** What is remembered of a request that was read in a scope. */
interface RequestState {
  readonly request: KnoxRequest;
  readonly op: Operation;
  /** The raw token, once it was extracted: the application's hook is asked once. */
  token: string | null | Promise<string | null> | undefined;
  /** Whether the token came in the cookie. */
  isFromCookie: boolean;
  result: Promise<Authenticated | null> | null;
  /** Of another request in the same scope, if a guard reads its token elsewhere. */
  readonly next: RequestState | undefined;
}

/**
 * Authenticates requests for the guards, the strategy and the controller. It remembers the results in private
 * slots, because anybody can write on the request.
 */
@Injectable()
export class RequestAuthenticator {
  /** The name of the realm whose tokens are asked for. */
  readonly realm: string;
  readonly settings: KnoxSettings;
  readonly tokens: TokenManager;
  /** Null if the option `cookie` is off. */
  readonly cookie: CookieTransport | null;
  readonly #states = privateSlot<RequestState>();

  constructor(
    @Inject(REALM_NAME) realm: string,
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    tokens: TokenManager,
  ) {
    this.realm = realm;
    this.settings = settings;
    this.tokens = tokens;
    this.cookie = settings.cookie && new CookieTransport(settings.cookie);
  }

  /**
   * The user and token of the request, or null if it brings no token. The database is asked once in each scope.
   *
   * @param scope what is new with each HTTP request, GraphQL operation or socket message
   * @throws KnoxUnauthorizedException, KnoxUnavailableException
   * @throws KnoxForbiddenException `cross_origin`, before the database is asked
   */
  authenticate(request: KnoxRequest, scope: object = request): Promise<Authenticated | null> {
    const state = this.#stateOf(request, scope);
    return (state.result ??= this.#authenticate(state));
  }

  /**
   * The raw token of the request, or null if it brings none. It is a promise only if the application's hook has
   * to be awaited, or if it rejects.
   *
   * @param scope as for `authenticate`
   * @throws KnoxUnauthorizedException `invalid_header`, `invalid_token`
   * @throws KnoxForbiddenException `cross_origin`
   * @throws KnoxUnavailableException if the hook fails
   */
  extractToken(
    request: KnoxRequest,
    scope: object = request,
  ): string | null | Promise<string | null> {
    return this.#extract(this.#stateOf(request, scope));
  }

  /** Whether the token of a request, which was extracted before, came in the cookie. */
  isFromCookie(request: KnoxRequest, scope: object = request): boolean {
    return this.cookie !== null && this.#stateOf(request, scope).isFromCookie;
  }

  /** Has the browser keep the cookie for as long as its token lives now, if this use has moved the expiry. */
  renewCookie(
    request: KnoxRequest,
    scope: object,
    { authToken }: Authenticated,
    response: Partial<KnoxResponse> | null | undefined,
  ): void {
    const { cookie } = this;
    if (!cookie || !response || !this.tokens.wasRefreshed(authToken)) return;
    const { token, isFromCookie } = this.#stateOf(request, scope);
    if (isFromCookie && typeof token === 'string') cookie.renew(response, token, authToken.expiry);
  }

  /** Tells the developer why a request with an Authorization header counts as one without credentials. */
  explainAnonymous(request: KnoxRequest): void {
    const { authHeaderPrefix, extractToken } = this.settings;
    const [header = ''] = extractToken ? [] : authorizationValues(request);
    // Nothing of the header is printed: without a scheme, its first word is the token.
    if (header !== '') {
      logger.debug(
        `Expected "Authorization: ${authHeaderPrefix} …"; this header has another scheme.`,
      );
    }
  }

  /** The operation of answering this request: all that is done for it has one deadline. */
  operationOf(request: KnoxRequest, scope: object = request): Operation {
    return this.#stateOf(request, scope).op;
  }

  #stateOf(request: KnoxRequest, scope: object): RequestState {
    const latest = this.#states.get(scope);
    let state = latest;
    while (state && state.request !== request) state = state.next;
    if (state) return state;
    const readClient = (): ReturnType<typeof clientOf> => clientOf(request);
    const op = latest
      ? latest.op.withClient(readClient)
      : Operation.within(this.settings.authTimeout, readClient);
    const created = {
      request,
      op,
      token: undefined,
      isFromCookie: false,
      result: null,
      next: latest,
    };
    this.#states.set(scope, created);
    return created;
  }

  /** It adds no promise to those of the manager: each costs every request. */
  #authenticate(state: RequestState): Promise<Authenticated | null> {
    const token = this.#extract(state);
    return token instanceof Promise
      ? token.then((extracted) => this.#authenticateToken(extracted, state.op))
      : this.#authenticateToken(token, state.op);
  }

  /** A refusal is remembered too, so that its event is sent once. */
  #extract(state: RequestState): string | null | Promise<string | null> {
    if (state.token !== undefined) return state.token;
    try {
      state.token = this.#readToken(state);
    } catch (error) {
      // The request could not be read, so nothing is known about its token: that is a 503, not a 401.
      state.token = this.tokens.fail(error);
    }
    return state.token;
  }

  /** Asks one transport after the other: the hook alone, if there is one; the header; the cookie. */
  #readToken(state: RequestState): string | null | Promise<string | null> {
    const { request, op } = state;
    if (this.settings.extractToken) return this.#askHook(this.settings.extractToken, request, op);
    const header = parseTokenHeader(request, this.settings.authHeaderPrefix);
    switch (header.kind) {
      case 'none':
        return this.cookie && this.#readCookie(this.cookie, state);
      case 'empty':
        throw this.tokens.refuse(new KnoxUnauthorizedException('invalid_header'), op);
      case 'ambiguous':
        throw this.tokens.refuse(KnoxUnauthorizedException.ambiguousHeader(), op);
      case 'token':
        return header.token;
    }
  }

  /** An Authorization header decides alone, whatever its scheme is: a client that sends one does not mean the cookie. */
  #readCookie(cookie: CookieTransport, state: RequestState): string | null {
    const { request, op } = state;
    if (authorizationValues(request).length > 0) return null;
    const found = cookie.read(request);
    if (found.kind === 'none') return null;
    if (found.kind === 'ambiguous') {
      throw this.tokens.refuse(KnoxUnauthorizedException.ambiguousCookie(), op);
    }
    state.isFromCookie = true;
    if (!onlyReads(request)) cookie.checkOrigin(request);
    return found.token;
  }

  #authenticateToken(token: string | null, op: Operation): Promise<Authenticated | null> {
    return token === null ? Promise.resolve(null) : this.tokens.authenticate(token, op);
  }

  async #askHook(
    extractToken: NonNullable<KnoxSettings['extractToken']>,
    request: KnoxRequest,
    op: Operation,
  ): Promise<string | null> {
    const token: unknown = await this.tokens.callHook(() => extractToken(request), op);
    if (token === null || typeof token === 'string') return token;
    throw this.tokens.refuse(new KnoxUnauthorizedException('invalid_token'), op);
  }
}
