import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { KnoxConfigError, describeKind } from '../errors/knox-config.error.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import {
  hasOnlyBodyCredentials,
  parseLoginCredentials,
  type LoginCredentials,
} from '../requests/login-credentials.ts';
import { KnoxBadRequestException, KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { basicChallenge, setChallengeOfStatus, tokenChallenge } from './challenge.ts';
import type { KnoxResponse } from './execution-context.ts';
import { Realms } from './realms.ts';
import type { RequestAuthenticator } from './request-authenticator.ts';

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
  @Inject(Realms)
  private readonly realms!: Realms;

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<KnoxRequest>();
    const { requests } = this.realms.loginAt(context);
    const credentials = parseLoginCredentials(request, requests.settings);
    try {
      request.user = await verify(request, credentials, requests);
      return true;
    } catch (error) {
      if (error instanceof KnoxUnauthorizedException) {
        const challenge = loginChallenge(request, requests);
        setChallengeOfStatus(http.getResponse<KnoxResponse>(), 401, challenge);
      }
      throw error;
    }
  }
}

async function verify(
  request: KnoxRequest,
  credentials: LoginCredentials,
  requests: RequestAuthenticator,
): Promise<object> {
  const { username, password } = requireCredentials(request, credentials, requests);
  const { verifyCredentials } = requests.settings;
  if (!verifyCredentials) throw missingVerifyCredentials();
  const op = requests.operationOf(request);
  const user: unknown = await requests.tokens.callHook(
    () => verifyCredentials(username, password, request),
    op,
  );
  if (typeof user === 'object' && user !== null) return user;
  if (user) {
    throw new TypeError(`verifyCredentials must give a user or null; got ${describeKind(user)}.`);
  }
  throw refuse(request, new KnoxUnauthorizedException('invalid_credentials'), requests);
}

function requireCredentials(
  request: KnoxRequest,
  credentials: LoginCredentials,
  requests: RequestAuthenticator,
): { username: string; password: string } {
  if ('username' in credentials) return credentials;
  switch (credentials.via) {
    case 'nothing':
      throw refuse(request, new KnoxUnauthorizedException('not_authenticated'), requests);
    case 'ambiguous':
      throw refuse(request, KnoxUnauthorizedException.ambiguousHeader(), requests);
    case 'both':
      throw new KnoxBadRequestException(
        'Send the credentials with HTTP Basic or in the body, not both.',
      );
    case 'basic':
      throw refuse(request, new KnoxUnauthorizedException('invalid_credentials'), requests);
    case 'body':
      throw new KnoxBadRequestException(credentials.malformed);
  }
}

function refuse(
  request: KnoxRequest,
  exception: KnoxUnauthorizedException,
  requests: RequestAuthenticator,
): KnoxUnauthorizedException {
  return requests.tokens.refuse(exception, requests.operationOf(request));
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
export function loginChallenge(
  request: KnoxRequest,
  { settings, realm }: RequestAuthenticator,
): string {
  return hasOnlyBodyCredentials(request)
    ? tokenChallenge(settings.authHeaderPrefix, realm, false)
    : basicChallenge(realm);
}
