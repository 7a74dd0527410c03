import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import type { Authenticated } from '../service/token.authenticator.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/**
 * The door for Passport, under the name `knox`, so that `AuthGuard(['knox', 'jwt'])` works. Passport
 * keeps one registry per process: there the application that started last answers.
 *
 * @publicApi
 */
@Injectable()
export class KnoxStrategy extends PassportStrategy(Strategy, 'knox') {
  readonly #requests: RequestAuthenticator;

  constructor(requests: RequestAuthenticator) {
    super();
    this.#requests = requests;
  }

  /**
   * The user and its token, which Passport leaves on `request.user` and `request.authInfo`; or
   * false, a fail that lets the next strategy try, where the header is another scheme's or its value
   * has a dot: a JWT under the same scheme. A bad token is an error and ends the chain.
   */
  async validate(
    request: KnoxRequest,
  ): Promise<[Authenticated['user'], Authenticated['authToken']] | false> {
    const token = await this.#requests.extractToken(request);
    if (token === null || token.includes('.')) return false;
    const found = await this.#requests.authenticate(request);
    if (!found) return false;
    request.authToken = found.authToken;
    return [found.user, found.authToken];
  }
}
