import { Injectable } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import { guardsNamedOn } from './declared-guards.ts';
import { IGNORE_BODY_METADATA } from './ignore-body.decorator.ts';
import { KnoxLoginRouteGuard } from './knox-login-route.guard.ts';

/** Gives the adapter a route: its whole path, and a handler that has the metadata of the controller's method. */
type AddRoute = (...route: unknown[]) => unknown;

/**
 * The paths of the package's routes, with everything that NestJS puts before them: prefixes, versions, and the path of
 * a controller of the application. They are read where NestJS gives its routes to the adapter.
 */
@Injectable()
export class KnoxRoutes {
  readonly #host: HttpAdapterHost;
  readonly #logins: string[] = [];
  /** By the method of the request. */
  readonly #bodyless: Readonly<Record<string, RegExp[]>> = { POST: [], DELETE: [] };

  constructor(host: HttpAdapterHost) {
    this.#host = host;
    this.whenAdapterIsSet((adapter) => this.#watch(adapter));
  }

  /**
   * Calls back when the application has its adapter, before it gives it body parsers: at once, or, in a testing module,
   * after the providers are made, which early versions of NestJS 11 do not report. An application without HTTP has none.
   */
  whenAdapterIsSet(use: (adapter: AbstractHttpAdapter) => void): void {
    const host: Partial<HttpAdapterHost> = this.#host;
    if (host.httpAdapter) use(host.httpAdapter);
    else host.init$?.subscribe(() => host.httpAdapter && use(host.httpAdapter));
  }

  /**
   * Whether a router may see a login in this URL. It is taken for one if only its end is a login's path: the application
   * may be mounted in another, or rewrite its URLs.
   */
  isLogin(url: string): boolean {
    const path = pathIn(url);
    return this.#logins.some((login) => new RegExp(`(?:^|/)${login}/?$`, 'i').test(path));
  }

  /** Whether a request of this method and URL is one to a route that is marked with `@IgnoreBody()`. */
  ignoresBody(method: string, url: string): boolean {
    const patterns = this.#bodyless[method];
    if (!patterns || patterns.length === 0) return false;
    const path = pathIn(url);
    return patterns.some((pattern) => pattern.test(path));
  }

  #watch(adapter: AbstractHttpAdapter): void {
    for (const method of ['post', 'delete'] as const) {
      const add = adapter[method].bind(adapter) as AddRoute;
      adapter[method] = ((...route: unknown[]) => {
        this.#add(method, route[0], route.at(-1));
        return add(...route);
      }) as AddRoute as typeof adapter.post;
    }
  }

  #add(method: string, path: unknown, handler: unknown): void {
    if (typeof path !== 'string' || typeof handler !== 'function') return;
    const pattern = patternOf(path);
    if (guardsNamedOn(handler).includes(KnoxLoginRouteGuard)) this.#logins.push(pattern);
    if (Reflect.getMetadata(IGNORE_BODY_METADATA, handler) === true) {
      this.#bodyless[method.toUpperCase()]?.push(new RegExp(`^/${pattern}/?$`, 'i'));
    }
  }
}

/**
 * The path that a router may see in a URL. Express ends it at a `#` too and takes backslashes for slashes; Fastify
 * decodes it. A URL that only one of them would route to a route of ours is taken for one of ours by both.
 */
function pathIn(url: string): string {
  const [path = ''] = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '').split(/[?#]/, 1);
  try {
    return decodeURIComponent(path).replaceAll('\\', '/');
  } catch {
    return path;
  }
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
