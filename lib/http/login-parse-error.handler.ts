import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { KnoxBadRequestException } from '../service/knox.exceptions.ts';
import { KnoxController } from './knox.controller.ts';

/** The metadata key of a controller's path: NestJS's PATH_METADATA, which is not public. */
const PATH_METADATA = 'path';

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
  readonly #modules: ModulesContainer;

  constructor(host: HttpAdapterHost, modules: ModulesContainer) {
    this.#host = host;
    this.#modules = modules;
  }

  /** NestJS sets the adapter's error handler after this hook. Wrap it then. */
  onModuleInit(): void {
    const adapter = this.#host.httpAdapter as Adapter | undefined;
    const setErrorHandler = adapter?.setErrorHandler?.bind(adapter);
    if (!adapter || !setErrorHandler) return;
    const isLogin = this.#loginPattern();
    adapter.setErrorHandler = (handler) =>
      // Express recognizes an error handler by its four parameters.
      setErrorHandler((error, request, response, next) => {
        const ours = isLogin.test(pathIn(request.originalUrl));
        return handler(ours ? toBadRequest(error) : error, request, response, next);
      });
  }

  /** Matches the end of a path, because a global prefix or a version may precede it. */
  #loginPattern(): RegExp {
    const controllers = [...this.#modules.values()]
      .flatMap((module) => [...module.controllers.values()])
      .map(({ metatype }) => metatype as typeof KnoxController)
      .filter((type) => type === KnoxController || type.prototype instanceof KnoxController);
    const paths = controllers.flatMap((type) =>
      pathsOf(type).flatMap((path) =>
        pathsOf((type.prototype as { login: object }).login).map((login) => `${path}/${login}`),
      ),
    );
    return new RegExp(`(?:^|/)(?:${paths.map(patternOf).join('|') || '(?!)'})/?$`, 'i');
  }
}

/**
 * The path that a router may see in a URL. Express ends it at a `#` too and takes backslashes for slashes; Fastify
 * decodes it. A URL that only one of them would route to the login may be answered so by both.
 */
function pathIn(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1);
  try {
    return decodeURIComponent(path).replaceAll('\\', '/');
  } catch {
    return path;
  }
}

function pathsOf(target: object): string[] {
  return [(Reflect.getMetadata(PATH_METADATA, target) ?? []) as string | string[]].flat();
}

/** A pattern for the segments of a path. A parameter or wildcard matches any segment. */
function patternOf(path: string): string {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) =>
      /[:*]/.test(segment) ? '[^/]+' : segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('/');
}

function toBadRequest(error: unknown): unknown {
  const { type, code } = (error ?? {}) as { type?: unknown; code?: unknown };
  const isParseError = type === EXPRESS_PARSE_ERROR || FASTIFY_PARSE_ERROR.test(String(code));
  return isParseError ? new KnoxBadRequestException('The body must be a JSON object.') : error;
}
