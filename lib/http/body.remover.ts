import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { KnoxRoutes } from './knox-routes.ts';

/** The headers by which a server or a parser knows that there is a body. */
const BODY_HEADERS = ['content-type', 'content-length', 'content-encoding', 'transfer-encoding'];

/** The part of Fastify that is used here: a hook that is called before a body is parsed. */
interface Fastify {
  addHook(
    name: 'onRequest',
    hook: (request: { raw: IncomingMessage }, reply: unknown, done: () => void) => void,
  ): unknown;
}

/** The part of Express that is used here: what each request is passed to, also by a server of the application's own. */
interface Express {
  handle(request: IncomingMessage, ...rest: unknown[]): unknown;
}

/**
 * Takes the body off a request to a route that ignores it. A parser's error would come before the guard and the
 * handler, and the token that a client wants to end would stay good; a body that never comes would have the same effect.
 * The bytes are not read: Node drops them after the answer.
 */
@Injectable()
export class BodyRemover {
  readonly #routes: KnoxRoutes;

  constructor(routes: KnoxRoutes) {
    this.#routes = routes;
    // Now, as the parsers come next.
    routes.whenAdapterIsSet((adapter) => this.#install(adapter));
  }

  #install(adapter: AbstractHttpAdapter): void {
    if (adapter.getType() === 'fastify') {
      adapter.getInstance<Fastify>().addHook('onRequest', ({ raw }, _reply, done) => {
        this.#remove(raw);
        done();
      });
      return;
    }
    // Not a middleware: Express would match its path for every request of the application.
    const express = adapter.getInstance<Express>();
    const handle = express.handle.bind(express);
    express.handle = (request, ...rest) => {
      this.#remove(request);
      return handle(request, ...rest);
    };
  }

  #remove({ method = '', url = '', headers }: IncomingMessage): void {
    if (!this.#routes.ignoresBody(method, url)) return;
    for (const name of BODY_HEADERS) Reflect.deleteProperty(headers, name);
  }
}
