import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type ExecutionContext } from '@nestjs/common';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  tokenOf,
  userOf,
} from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { SqlLog } from '../support/sql-log.ts';

@Injectable()
class InjectedGuards {
  constructor(
    readonly guard: KnoxAuthGuard,
    readonly optional: OptionalKnoxAuthGuard,
  ) {}
}

class Handlers {
  handle(@CurrentUser() _user?: object, @CurrentToken() _token?: object): void {}
}

/** What the decorators give to a handler in this context. */
function parametersIn(context: ExecutionContext): unknown[] {
  const metadata = Reflect.getMetadata('__routeArguments__', Handlers, 'handle') as Record<
    string,
    { index: number; factory: (data: undefined, context: ExecutionContext) => unknown }
  >;
  return Object.values(metadata).map(({ factory }) => factory(undefined, context));
}

function contextOf(type: string, ...args: unknown[]): ExecutionContextHost {
  const context = new ExecutionContextHost(args, Handlers, Handlers.prototype.handle);
  context.setType(type);
  return context;
}

describe('KnoxAuthGuard', () => {
  let test: TestApp;
  let guards: InjectedGuards;
  let headers: object;
  beforeAll(async () => {
    test = await startApp({ providers: [KnoxAuthGuard, OptionalKnoxAuthGuard, InjectedGuards] });
    guards = test.app.get(InjectedGuards);
    headers = { authorization: `Token ${await test.login()}` };
  });
  afterAll(() => test.close());

  it.each(['rpc', 'custom'])('refuses a context of type %s without a lookup', async (type) => {
    const sql = new SqlLog(test.dataSource);
    const request = { headers };
    for (const guard of [guards.guard, guards.optional]) {
      await expect(guard.canActivate(contextOf(type, request, request))).rejects.toThrow(
        `KnoxAuthGuard does not know what to do in a context of type "${type}".`,
      );
    }
    expect(request).toEqual({ headers });
    expect(sql.statements).toEqual([]);
  });

  it.each(['rpc', 'custom', 'http', 'graphql', 'ws'])(
    'gives no user and no token that a message of type %s brings',
    (type) => {
      const message = { user: { id: 1 }, authToken: { id: 2 }, authInfo: { id: 2 } };
      const context = contextOf(type, message, message, { req: message, ...message }, message);
      expect(parametersIn(context)).toEqual([undefined, undefined]);
      expect([userOf(context), tokenOf(context)]).toEqual([undefined, undefined]);
      expect(parametersIn(contextOf(type))).toEqual([undefined, undefined]);
    },
  );

  it.each([
    ['graphql', [undefined, {}, {}], 'the GraphQL context; put it there as "req"'],
    [
      'ws',
      [{}, { headers: {} }],
      'the socket; put it there as "request" in handleConnection(client, request)',
    ],
  ])('says where it looks for the request in a context of type %s', async (type, args, where) => {
    await expect(guards.guard.canActivate(contextOf(type, ...args))).rejects.toThrow(
      `KnoxAuthGuard finds no request on ${where}, or override getRequest(context).`,
    );
  });

  it.each([
    ['req', (request: object) => ({ req: request })],
    ['request', (request: object) => ({ request })],
    ['reply.request', (request: object) => ({ reply: { request } })],
    ['extra.request', (request: object) => ({ extra: { request } })],
  ])('finds the request at %s of a GraphQL context', async (_, contextWith) => {
    const request = { headers };
    const context = contextOf('graphql', undefined, {}, contextWith(request), {});
    expect(await guards.guard.canActivate(context)).toBe(true);
    expect(userOf(context)).toEqual(test.john);
    expect(request).toEqual({ headers });
  });

  it.each(['request', 'handshake', 'upgradeReq'])(
    'finds the request at %s of a socket',
    async (at) => {
      const client = { [at]: { headers } };
      const context = contextOf('ws', client, 'text', 'me');
      expect(await guards.guard.canActivate(context)).toBe(true);
      expect(userOf(context)).toEqual(test.john);
      expect(context.switchToWs().getPattern()).toBe('me');
      expect(client).toEqual({ [at]: { headers } });
    },
  );
});
