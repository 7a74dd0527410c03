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

/**
 * From a request to a verdict, for the guards, the strategy and the controller alike. What was
 * found is remembered here and nowhere on the request, where anyone could have put it.
 */
@Injectable()
export class RequestAuthenticator {
  readonly settings: KnoxSettings;
  readonly #authenticator: TokenAuthenticator;
  readonly #events: EventPublisher;
  readonly #verdicts = new WeakMap<object, Promise<Authenticated | null>>();
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
   * default the request itself.
   *
   * @throws KnoxUnauthorizedException, KnoxUnavailableException
   */
  authenticate(request: KnoxRequest, occasion: object = request): Promise<Authenticated | null> {
    let verdict = this.#verdicts.get(occasion);
    if (!verdict) {
      verdict = this.#ask(request, occasion);
      this.#verdicts.set(occasion, verdict);
    }
    return verdict;
  }

  /** Whether this user is on the request because of a token, rather than of other credentials. */
  async isTokenUser(request: KnoxRequest, user: unknown): Promise<boolean> {
    const verdict = await this.#verdicts.get(request)?.catch(() => null);
    return verdict !== undefined && verdict !== null && verdict.user === user;
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

  async #ask(request: KnoxRequest, occasion: object): Promise<Authenticated | null> {
    const deadline = this.deadlineOf(occasion);
    const token = await this.extractToken(request, occasion);
    if (token === null) return null;
    return this.#authenticator.authenticate(token, deadline, clientOf(request));
  }
}
