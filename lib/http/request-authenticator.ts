import { Inject, Injectable } from '@nestjs/common';
import { EventPublisher } from '../events/event.publisher.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { answerOrUnavailable } from '../service/faults.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { KNOX_SETTINGS } from '../service/knox.settings.ts';
import { refuse } from '../service/refuse.ts';
import { TokenAuthenticator, type Authenticated } from '../service/token.authenticator.ts';
import { Deadline } from '../store/deadline.ts';
import { tokenInHeader } from '../tokens/authorization-header.ts';
import type { KnoxRequest } from '../tokens/knox-request.ts';
import { clientOf } from './client-info.ts';

type Verdict = Promise<Authenticated | null>;

/**
 * From a request to a verdict, for the guards, the strategy and the controller alike. What was
 * found is remembered here and nowhere on the request, where anyone could have put it.
 */
@Injectable()
export class RequestAuthenticator {
  readonly settings: KnoxSettings;
  readonly #authenticator: TokenAuthenticator;
  readonly #events: EventPublisher;
  readonly #verdicts = new WeakMap<object, WeakMap<KnoxRequest, Verdict>>();
  readonly #logins = new WeakMap<KnoxRequest, object>();
  readonly #deadlines = new WeakMap<object, Deadline>();

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
    let verdicts = this.#verdicts.get(occasion);
    if (!verdicts) this.#verdicts.set(occasion, (verdicts = new WeakMap()));
    let verdict = verdicts.get(request);
    if (!verdict) verdicts.set(request, (verdict = this.#ask(request, occasion)));
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
    return this.#authenticator.isTokenUser(user);
  }

  /**
   * The raw token of the request, or null where it brings none.
   *
   * @throws KnoxUnauthorizedException `invalid_header`, `invalid_token`
   */
  extractToken(request: KnoxRequest, occasion: object = request): Promise<string | null> {
    return answerOrUnavailable(async () => {
      const { extractToken, authHeaderPrefix } = this.settings;
      if (extractToken) {
        const work = Promise.resolve(extractToken(request));
        const token: unknown = await this.deadlineOf(occasion).race(work);
        if (token === null || typeof token === 'string') return token;
        throw this.refuse(request, new KnoxUnauthorizedException('invalid_token'));
      }
      const header = tokenInHeader(request, authHeaderPrefix);
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
    });
  }

  /** The moment by which this request must be answered; the same for whoever asks. */
  deadlineOf(occasion: object): Deadline {
    let deadline = this.#deadlines.get(occasion);
    if (!deadline) {
      deadline = new Deadline(this.settings.authTimeout);
      this.#deadlines.set(occasion, deadline);
    }
    return deadline;
  }

  /** Tells whoever listens that the request is refused, and gives the exception back. */
  refuse(request: KnoxRequest, exception: KnoxUnauthorizedException): KnoxUnauthorizedException {
    return refuse(this.#events, exception, clientOf(request));
  }

  async #ask(request: KnoxRequest, occasion: object): Verdict {
    const deadline = this.deadlineOf(occasion);
    const token = await this.extractToken(request, occasion);
    if (token === null) return null;
    return this.#authenticator.authenticate(token, deadline, clientOf(request));
  }
}
