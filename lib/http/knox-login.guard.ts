import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { KnoxConfigError, describeKind } from '../errors/knox-config.error.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import {
  hasOnlyBodyCredentials,
  parseLoginCredentials,
  type LoginCredentials,
} from '../requests/login-credentials.ts';
import { KnoxBadRequestException, KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { BASIC_CHALLENGE, setChallengeOfStatus, tokenChallenge } from './challenge.ts';
import type { KnoxResponse } from './execution-context.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/**
 * The built-in login: reads HTTP Basic or a JSON body, asks `verifyCredentials`, and sets `request.user`. Its
 * dependencies are properties, so that a subclass has its constructor to itself.
 *
 * @throws KnoxUnauthorizedException `not_authenticated`, `invalid_header`, `invalid_credentials`
 * @throws KnoxBadRequestException
 * @throws KnoxUnavailableException if `verifyCredentials` fails or hangs
 * @publicApi
 */
@Injectable()
export class KnoxLoginGuard implements CanActivate {
  @Inject(RequestAuthenticator)
  private readonly requests!: RequestAuthenticator;

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<KnoxRequest>();
    const { settings } = this.requests;
    const credentials = parseLoginCredentials(request, settings);
    try {
      request.user = await this.verify(request, credentials);
      return true;
    } catch (error) {
      if (error instanceof KnoxUnauthorizedException) {
        const challenge = loginChallenge(request, settings.authHeaderPrefix);
        setChallengeOfStatus(http.getResponse<KnoxResponse>(), 401, challenge);
      }
      throw error;
    }
  }

  private async verify(request: KnoxRequest, credentials: LoginCredentials): Promise<object> {
    const { username, password } = this.requireCredentials(request, credentials);
    const { verifyCredentials } = this.requests.settings;
    if (!verifyCredentials) throw missingVerifyCredentials();
    const op = this.requests.operationOf(request);
    const user: unknown = await this.requests.tokens.callHook(
      () => verifyCredentials(username, password, request),
      op,
    );
    if (typeof user === 'object' && user !== null) return user;
    if (user) {
      throw new TypeError(`verifyCredentials must give a user or null; got ${describeKind(user)}.`);
    }
    throw this.refuse(request, new KnoxUnauthorizedException('invalid_credentials'));
  }

  private requireCredentials(
    request: KnoxRequest,
    credentials: LoginCredentials,
  ): { username: string; password: string } {
    if ('username' in credentials) return credentials;
    switch (credentials.via) {
      case 'nothing':
        throw this.refuse(request, new KnoxUnauthorizedException('not_authenticated'));
      case 'ambiguous':
        throw this.refuse(request, KnoxUnauthorizedException.ambiguousHeader());
      case 'both':
        throw new KnoxBadRequestException(
          'Send the credentials with HTTP Basic or in the body, not both.',
        );
      case 'basic':
        throw this.refuse(request, new KnoxUnauthorizedException('invalid_credentials'));
      case 'body':
        throw new KnoxBadRequestException(credentials.malformed);
    }
  }

  private refuse(
    request: KnoxRequest,
    exception: KnoxUnauthorizedException,
  ): KnoxUnauthorizedException {
    return this.requests.tokens.refuse(exception, this.requests.operationOf(request));
  }
}

/** The built-in login has no `verifyCredentials` to ask. */
export function missingVerifyCredentials(): KnoxConfigError {
  return new KnoxConfigError(
    'verifyCredentials',
    'the login needs it; give verifyCredentials, or loginGuards of your own, or set ' +
      'controller: false.',
  );
}

/** If JSON was sent, the challenge of KnoxAuthGuard: at a Basic challenge, browsers open a dialog. */
export function loginChallenge(request: KnoxRequest, scheme: string): string {
  return hasOnlyBodyCredentials(request) ? tokenChallenge(scheme, false) : BASIC_CHALLENGE;
}
