import { VERSION_NEUTRAL, VersioningType, RequestMethod } from '@nestjs/common';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { methodsOf, type DeclaredClass } from '../http/declared-classes.ts';

/** A route of the application. */
export interface DeclaredRoute {
  /** The controller, which may inherit the handler. */
  readonly type: DeclaredClass;
  readonly handler: object;
  /** The name of the method. */
  readonly name: string;
}

/** What `@Version()` says. */
type Version = string | typeof VERSION_NEUTRAL | (string | typeof VERSION_NEUTRAL)[];

/** The keys of NestJS's metadata, which are not public. */
const PATH_METADATA = 'path';
const METHOD_METADATA = 'method';
const VERSION_METADATA = '__version__';
const MODULE_PATH = '__module_path__';

/** A route of `@All()`, which a document describes for each method. */
const ANY_METHOD = '*';

/** What is more than itself in a path of Express or Fastify; the groups hold what it stands for. */
const SYNTAX = new RegExp(
  [
    /\\(.)/u, // An escaped character.
    /(::|\[:\])/u, // A colon.
    /\(\^[^)]*\)/u, // The pattern of a parameter.
    /[{}]/u, // What is optional.
    /([:*](?:"[^"]*"|[\p{ID_Continue}$]+)|\(\.\*\)|\*|(?<=\/)\+(?=\/|$))/u, // A parameter or wildcard.
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

/**
 * The application's routes, by the operations that an OpenAPI document has for them.
 *
 * A document may leave the global prefix out, and a prefix may exclude paths, so that each route is listed with and
 * without it. Versions in headers share an operation.
 */
export class DeclaredRoutes {
  readonly #routes = new Map<string, DeclaredRoute[]>();
  readonly #config: ApplicationConfig;
  readonly #prefix: string;

  constructor(modules: ModulesContainer, config: ApplicationConfig) {
    this.#config = config;
    this.#prefix = config.getGlobalPrefix();
    for (const { metatype, controllers } of modules.values()) {
      const modulePath: unknown =
        Reflect.getMetadata(MODULE_PATH + modules.applicationId, metatype) ??
        Reflect.getMetadata(MODULE_PATH, metatype);
      for (const controller of controllers.values()) {
        this.#addController(controller.metatype as unknown as DeclaredClass, modulePath);
      }
    }
  }

  /** The route that an operation of a document describes, or undefined. */
  find(path: string, method: string, operationId = ''): DeclaredRoute | undefined {
    const found = [method, ANY_METHOD].flatMap(
      (one) => this.#routes.get(keyOf(one, path.replaceAll(/\{[^}]*\}/g, '{}'))) ?? [],
    );
    const named = found.filter(({ type, handler }) =>
      operationId.startsWith(`${type.name}_${(handler as { readonly name: string }).name}`),
    );
    // Of several routes of one path, @nestjs/swagger describes the last.
    return (named.length > 0 ? named : found).at(-1);
  }

  #addController(type: DeclaredClass, modulePath: unknown): void {
    for (const [name, handler] of methodsOf(type)) {
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (method === undefined) continue;
      const route = { type, handler, name };
      const prefixes = [['', this.#prefix], this.#versionPaths(type, handler), modulePath];
      const ownPaths = [type, handler].map((target): unknown =>
        Reflect.getMetadata(PATH_METADATA, target),
      );
      const fragments = [...prefixes, ...ownPaths];
      for (const path of pathsOf(fragments)) this.#add(keyOf(methodName(method), path), route);
    }
  }

  #add(key: string, route: DeclaredRoute): void {
    const others = this.#routes.get(key) ?? [];
    this.#routes.set(key, [...others, route]);
  }

  /** What versions put into the paths of a handler: the one nearest to it counts. */
  #versionPaths(type: DeclaredClass, handler: object): string[] {
    const versioning = this.#config.getVersioning();
    if (versioning?.type !== VersioningType.URI) return [''];
    const declared = [handler, type].map(
      (target) => Reflect.getMetadata(VERSION_METADATA, target) as Version | undefined,
    );
    const version = declared[0] ?? declared[1] ?? versioning.defaultVersion ?? VERSION_NEUTRAL;
    const versions = [version].flat();
    const prefix = versioning.prefix === false ? '' : (versioning.prefix ?? 'v');
    return versions.map((one) => (typeof one === 'string' ? prefix + one : ''));
  }
}

function methodName(method: RequestMethod): string {
  return method === RequestMethod.ALL ? ANY_METHOD : RequestMethod[method].toLowerCase();
}

function keyOf(method: string, path: string): string {
  return `${method} ${path}`;
}

/** The paths that these fragments make, each of which may be one of several. */
function pathsOf(fragments: readonly unknown[]): Set<string> {
  const paths = fragments
    .map((fragment) => [fragment].flat().map((one) => (typeof one === 'string' ? one : '')))
    .reduce((starts, ends) => starts.flatMap((start) => ends.map((end) => `${start}/${end}`)));
  return new Set(paths.map(documentPath));
}

/** A path as a document has it, without the names of its parameters. */
function documentPath(path: string): string {
  const described = path.replaceAll(
    SYNTAX,
    (_, escaped?: string, colon?: string, parameter?: string) =>
      escaped ?? (colon === undefined ? (parameter === undefined ? '' : '{}') : ':'),
  );
  return `/${described.split('/').filter(Boolean).join('/')}`;
}
