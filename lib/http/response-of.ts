import { Inject, Injectable } from '@nestjs/common';
import { KNOX_SETTINGS, type KnoxSettings } from '../options/runtime-options.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { privateSlot } from '../requests/private-slot.ts';
import type { KnoxResponse } from './execution-context.ts';
import { KnoxRoutes } from './knox-routes.ts';

/** The part of Fastify that is used here: a hook that is called as a request comes. */
interface Fastify {
  addHook(
    name: 'onRequest',
    hook: (request: object, reply: KnoxResponse, done: () => void) => void,
  ): unknown;
}

const replies = privateSlot<KnoxResponse>();

/** The answer to an HTTP request, for Passport's strategy, which is told the request alone. */
export function responseOf(request: KnoxRequest): KnoxResponse | undefined {
  // Express puts it there.
  return (request as { readonly res?: KnoxResponse }).res ?? replies.get(request);
}

/** Notes the reply to each request on Fastify, if the strategy may have to put a cookie there. */
@Injectable()
export class ReplyRecorder {
  constructor(@Inject(KNOX_SETTINGS) { cookie, autoRefresh }: KnoxSettings, routes: KnoxRoutes) {
    if (!cookie?.persistent || !autoRefresh) return;
    routes.whenAdapterIsSet((adapter) => {
      if (adapter.getType() !== 'fastify') return;
      adapter.getInstance<Fastify>().addHook('onRequest', (request, reply, done) => {
        replies.set(request, reply);
        done();
      });
    });
  }
}
