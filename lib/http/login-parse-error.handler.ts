import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { KnoxBadRequestException } from '../service/knox.exceptions.ts';
import { KnoxRoutes } from './knox-routes.ts';

/** The error type of body-parser for a body that is not JSON, and the codes of Fastify. */
const EXPRESS_PARSE_ERROR = 'entity.parse.failed';
const FASTIFY_PARSE_ERROR = /^FST_ERR_CTP_(?:INVALID|EMPTY)_JSON_BODY$/;

/** The error handler that NestJS gives to its adapter. Express calls it with `next`, Fastify without. */
type ErrorHandler = (
  error: unknown,
  request: Request,
  response: unknown,
  next?: unknown,
) => unknown;

interface Request {
  readonly originalUrl: string;
}

interface Adapter {
  setErrorHandler?(handler: ErrorHandler): unknown;
}

/**
 * Answers a login whose body is not JSON. The adapter parses bodies before any guard runs, and the parser's error
 * repeats a piece of the body, which may be a password, in the answer and in logs.
 */
@Injectable()
export class LoginParseErrorHandler implements OnModuleInit {
  readonly #host: HttpAdapterHost;
  readonly #routes: KnoxRoutes;
  #isInstalled = false;

  constructor(host: HttpAdapterHost, routes: KnoxRoutes) {
    this.#host = host;
    this.#routes = routes;
  }

  /** NestJS sets the adapter's error handler after this hook. Wrap it then. Each realm's module calls this once. */
  onModuleInit(): void {
    if (this.#isInstalled) return;
    this.#isInstalled = true;
    const adapter = this.#host.httpAdapter as Adapter | undefined;
    const setErrorHandler = adapter?.setErrorHandler?.bind(adapter);
    if (!adapter || !setErrorHandler) return;
    adapter.setErrorHandler = (handler) =>
      // Express recognizes an error handler by its four parameters.
      setErrorHandler((error, request, response, next) => {
        const ours = this.#routes.isLogin(request.originalUrl);
        return handler(ours ? toBadRequest(error) : error, request, response, next);
      });
  }
}

function toBadRequest(error: unknown): unknown {
  const { type, code } = (error ?? {}) as { type?: unknown; code?: unknown };
  const isParseError = type === EXPRESS_PARSE_ERROR || FASTIFY_PARSE_ERROR.test(String(code));
  return isParseError ? new KnoxBadRequestException('The body must be a JSON object.') : error;
}
