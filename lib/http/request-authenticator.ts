import { Inject, Injectable, Logger } from '@nestjs/common';
import { Operation } from '../async/operation.ts';
import { REALM_NAME } from '../options/realm-name.ts';
import { KNOX_SETTINGS, type KnoxSettings } from '../options/runtime-options.ts';
import { authorizationValues, parseTokenHeader } from '../requests/authorization-header.ts';
import { clientOf } from '../requests/client-info.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { privateSlot } from '../requests/private-slot.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { TokenManager } from '../service/token.manager.ts';

const logger = new Logger('KnoxModule');

/** What is remembered of a request that was read in a scope. */
interface RequestState {
  readonly request: KnoxRequest;
  readonly op: Operation;
  /** The raw token, once it was extracted: the application's hook is asked once. */
  token: string | null | Promise<string | null> | undefined;
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
  readonly #states = privateSlot<RequestState>();

  constructor(
    @Inject(REALM_NAME) realm: string,
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    tokens: TokenManager,
  ) {
    this.realm = realm;
    this.settings = settings;
    this.tokens = tokens;
  }

  /**
   * The user and token of the request, or null if it brings no token. The database is asked once in each scope.
   *
   * @param scope what is new with each HTTP request, GraphQL operation or socket message
   * @throws KnoxUnauthorizedException, KnoxUnavailableException
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
   * @throws KnoxUnavailableException if the hook fails
   */
  extractToken(
    request: KnoxRequest,
    scope: object = request,
  ): string | null | Promise<string | null> {
    return this.#extract(this.#stateOf(request, scope));
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
    const created = { request, op, token: undefined, result: null, next: latest };
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

  #readToken({ request, op }: RequestState): string | null | Promise<string | null> {
    if (this.settings.extractToken) return this.#askHook(this.settings.extractToken, request, op);
    const header = parseTokenHeader(request, this.settings.authHeaderPrefix);
    switch (header.kind) {
      case 'none':
        return null;
      case 'empty':
        throw this.tokens.refuse(new KnoxUnauthorizedException('invalid_header'), op);
      case 'ambiguous':
        throw this.tokens.refuse(KnoxUnauthorizedException.ambiguousHeader(), op);
      case 'token':
        return header.token;
    }
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
