import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { KnoxAuthGuard, OptionalKnoxAuthGuard } from '../../lib/index.ts';
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
  handle(): void {}
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
    const request = { headers, user: undefined };
    const context = contextOf('graphql', undefined, {}, contextWith(request), {});
    expect(await guards.guard.canActivate(context)).toBe(true);
    expect(request.user).toEqual(test.john);
  });

  it.each(['request', 'handshake', 'upgradeReq'])(
    'finds the request at %s of a socket',
    async (at) => {
      const client: { user?: unknown } = { [at]: { headers } };
      expect(await guards.guard.canActivate(contextOf('ws', client, 'text', 'me'))).toBe(true);
      expect(client.user).toEqual(test.john);
    },
  );
});
