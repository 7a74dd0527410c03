import { Inject, Injectable } from '@nestjs/common';
import { EventPublisher } from '../events/event.publisher.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { answerOrUnavailable, toHttpError } from '../service/error-boundary.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { KNOX_SETTINGS } from '../service/knox.settings.ts';
import { refuse } from '../service/refuse.ts';
import { TokenAuthenticator, type Authenticated } from '../service/token.authenticator.ts';
import { Deadline } from '../async/deadline.ts';
import { parseTokenHeader } from '../requests/authorization-header.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { privateSlot } from '../requests/private-slot.ts';
import { clientOf } from '../requests/client-info.ts';

type Verdict = Promise<Authenticated | null>;

/** What is remembered of one occasion to authenticate. */
interface RequestState {
  readonly deadline: Deadline;
  /** One for each request that was read; nearly always that is one. */
  readonly verdicts: { readonly request: KnoxRequest; readonly verdict: Verdict }[];
}

/**
 * From a request to a verdict, for the guards, the strategy and the controller alike. What was
 * found is remembered here and nowhere on the request, where anyone could have put it.
 */
@Injectable()
export class RequestAuthenticator {
  readonly settings: KnoxSettings;
  readonly #authenticator: TokenAuthenticator;
  readonly #events: EventPublisher;
  readonly #occasions = privateSlot<RequestState>();
  readonly #logins = privateSlot<object>();

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    authenticator: TokenAuthenticator,
    events: EventPublisher,
  ) {
    this.settings = settings;
    this.#authenticator = authenticator;
    this.#events = events;
  }

  /**
   * Whose token the request brings, or null where it brings none. Asked once per occasion, by
   * default the request itself; a guard that reads another request has a verdict of its own.
   *
   * @throws KnoxUnauthorizedException, KnoxUnavailableException
   */
  authenticate(request: KnoxRequest, occasion: object = request): Verdict {
    const { deadline, verdicts } = this.#occasion(occasion);
    for (const known of verdicts) if (known.request === request) return known.verdict;
    const verdict = this.#ask(request, deadline);
    verdicts.push({ request, verdict });
    return verdict;
  }

  /** Remembers whom the login guards have found. */
  admit(request: KnoxRequest, user: object): void {
    this.#logins.set(request, user);
  }

  /** Whom the login guards have found, if they were asked. */
  admitted(request: KnoxRequest): object | undefined {
    return this.#logins.get(request);
  }

  /** Whether this very object came from a token, rather than from other credentials. */
  isTokenUser(user: object): boolean {
    return this.#authenticator.cameFromToken(user);
  }

  /**
   * The raw token of the request, or null where it brings none: a promise only where the application's
   * hook has to be awaited.
   *
   * @throws KnoxUnauthorizedException `invalid_header`, `invalid_token`
   * @throws KnoxUnavailableException if the hook fails
   */
  extractToken(
    request: KnoxRequest,
    deadline = this.deadlineOf(request),
  ): string | null | Promise<string | null> {
    if (this.settings.extractToken)
      return this.#askHook(this.settings.extractToken, request, deadline);
    const header = parseTokenHeader(request, this.settings.authHeaderPrefix);
    switch (header.kind) {
      case 'none':
        return null;
      case 'empty':
        throw this.refuse(request, new KnoxUnauthorizedException('invalid_header'));
      case 'ambiguous':
        throw this.refuse(request, KnoxUnauthorizedException.ambiguousHeader());
      case 'token':
        return header.token;
    }
  }

  /** The moment by which this request must be answered; the same for whoever asks. */
  deadlineOf(occasion: object): Deadline {
    return this.#occasion(occasion).deadline;
  }

  /** Tells whoever listens that the request is refused, and gives the exception back. */
  refuse(request: KnoxRequest, exception: KnoxUnauthorizedException): KnoxUnauthorizedException {
    return refuse(this.#events, exception, clientOf(request));
  }

  #occasion(key: object): RequestState {
    let occasion = this.#occasions.get(key);
    if (!occasion) {
      occasion = { deadline: new Deadline(this.settings.authTimeout), verdicts: [] };
      this.#occasions.set(key, occasion);
    }
    return occasion;
  }

  async #ask(request: KnoxRequest, deadline: Deadline): Verdict {
    try {
      const extracted = this.extractToken(request, deadline);
      const token = extracted instanceof Promise ? await extracted : extracted;
      if (token === null) return null;
      // An adapter finds out an address only when it is asked to, which costs more than the token does.
      const client = this.#events.isEnabled ? clientOf(request) : null;
      return await this.#authenticator.authenticate(token, deadline, client);
    } catch (error) {
      // A request of no known shape is no verdict either.
      throw toHttpError(error);
    }
  }

  #askHook(
    extractToken: NonNullable<KnoxSettings['extractToken']>,
    request: KnoxRequest,
    deadline: Deadline,
  ): Promise<string | null> {
    return answerOrUnavailable(async () => {
      const token: unknown = await deadline.race(Promise.resolve(extractToken(request)));
      if (token === null || typeof token === 'string') return token;
      throw this.refuse(request, new KnoxUnauthorizedException('invalid_token'));
    });
  }
}
