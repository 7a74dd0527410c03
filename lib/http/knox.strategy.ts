import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/**
 * The strategy for Passport, named `knox`, so that `AuthGuard(['knox', 'jwt'])` works. Passport keeps one registry
 * per process: if there are several applications, the one that started last answers for all.
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
   * The user and its token, which Passport sets as `request.user` and `request.authInfo`. False lets the next
   * strategy try: the header has another scheme, or its value has a dot, which is a JWT under the same scheme. A
   * bad token is an error and ends the chain.
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
