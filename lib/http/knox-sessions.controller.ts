import {
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  Param,
  Patch,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import type { Awaitable } from '../options/runtime-options.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { problemWithName } from '../requests/session-name.ts';
import {
  KnoxBadRequestException,
  KnoxForbiddenException,
  UnknownSessionException,
} from '../service/knox.exceptions.ts';
import { abilitiesOf, sessionColumns } from '../service/token.access.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { Abilities, Unrestricted } from './access.decorators.ts';
import { challenged } from './challenge.ts';
import type { KnoxResponse } from './execution-context.ts';
import { IgnoreBody } from './ignore-body.decorator.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import type { LoginFlow } from './login.flow.ts';
import { NoStore } from './no-store.decorator.ts';
import { Realms } from './realms.ts';

/** A session, as the routes describe it, with those of the columns of features that the token entity has. */
export interface Session {
  /** The token's `publicId`. */
  readonly id: string;
  /** Instants, as `formatExpiry` makes them. */
  readonly created: unknown;
  readonly expiry: unknown;
  /** Whether it is the one that asks. */
  readonly current: boolean;
  readonly name?: string | null;
  readonly abilities?: readonly string[] | null;
  readonly lastUsed?: unknown;
  readonly ip?: string | null;
  readonly userAgent?: string | null;
}

/**
 * The routes by which users see and end their sessions, each of which is a token. With `controller: false`, extend this
 * class, and list the subclass, with its `@Controller(path)`, in a module of the application. A restricted token sees
 * and ends itself, and nothing else.
 *
 * @publicApi
 */
@NoStore()
@UseGuards(KnoxAuthGuard)
// No #private members: to resolve a circular dependency, NestJS copies an instance's properties to another object.
export class KnoxSessionsController<Token extends AbstractAuthToken = AuthToken> {
  @Inject(Realms)
  private readonly realms!: Realms;

  private get flow(): LoginFlow<Token> {
    return this.realms.ofController(this.constructor).logins as LoginFlow<Token>;
  }

  /** The user's unexpired sessions, newest first. */
  @Get()
  @Unrestricted()
  async list(@Req() request: KnoxRequest): Promise<unknown[]> {
    const { user } = await this.flow.current(request);
    const tokens = await this.flow.tokens.list(user, this.flow.requests.operationOf(request));
    return Promise.all(tokens.map((authToken) => this.describe(authToken, request)));
  }

  /** The session that asks. */
  @Get('current')
  @Abilities()
  async current(@Req() request: KnoxRequest): Promise<unknown> {
    const { authToken } = await this.flow.current(request);
    return this.describe(authToken, request);
  }

  /** Names a session, or takes its name away. */
  @Patch(':id')
  @Unrestricted()
  async rename(@Req() request: KnoxRequest, @Param('id') id: string): Promise<unknown> {
    const { user } = await this.flow.current(request);
    if (!this.flow.tokens.hasFeature('name')) throw new UnknownSessionException();
    const name = nameIn(request.body);
    const op = this.flow.requests.operationOf(request);
    const authToken = await this.flow.tokens.rename(user, id, name, op);
    if (authToken === null) throw new UnknownSessionException();
    return this.describe(authToken, request);
  }

  /** Ends a session, which may be the one that asks. */
  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @IgnoreBody()
  @Abilities()
  async end(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
    @Param('id') id: string,
  ): Promise<void> {
    const found = await this.flow.current(request);
    this.checkMayEnd(found, id, response);
    const op = this.flow.requests.operationOf(request);
    const isEnded = await this.flow.tokens.endSession(found.user, id, 'session', op);
    if (!isEnded) throw new UnknownSessionException();
  }

  /** Ends all sessions of the user but the one that asks. */
  @Delete()
  @HttpCode(HttpStatus.OK)
  @IgnoreBody()
  @Unrestricted()
  async endOthers(@Req() request: KnoxRequest): Promise<{ readonly count: number }> {
    const found = await this.flow.current(request);
    const op = this.flow.requests.operationOf(request);
    return { count: await this.flow.tokens.endOtherSessions(found, op) };
  }

  /** What the routes answer for a session. */
  protected describe(authToken: Token, request: KnoxRequest): Awaitable<unknown> {
    return this.defaultDescription(authToken, request);
  }

  private async defaultDescription(authToken: Token, request: KnoxRequest): Promise<Session> {
    const { formatExpiry } = this.flow.settings;
    const { authToken: current } = await this.flow.current(request);
    const { lastUsed, ...columns } = sessionColumns(authToken);
    return {
      id: authToken.publicId,
      created: await formatExpiry(authToken.created),
      expiry: await formatExpiry(authToken.expiry),
      current: authToken.digest === current.digest,
      ...columns,
      ...(lastUsed === undefined ? {} : { lastUsed: await formatExpiry(lastUsed) }),
    };
  }

  private checkMayEnd(
    { authToken }: Authenticated<Token>,
    id: string,
    response: KnoxResponse,
  ): void {
    if (abilitiesOf(authToken) === null || id === authToken.publicId) return;
    throw challenged(KnoxForbiddenException.insufficientAbility(), response, this.flow.requests);
  }
}

/** @throws KnoxBadRequestException if the body holds no name */
function nameIn(body: unknown): string | null {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isObject || !Object.hasOwn(body, 'name')) {
    throw new KnoxBadRequestException('The body must be a JSON object with a "name".');
  }
  const { name } = body as { readonly name: unknown };
  if (name === null) return null;
  const problem = problemWithName(name);
  if (problem !== null) throw new KnoxBadRequestException(`"name" ${problem}, or be null.`);
  return name as string;
}
