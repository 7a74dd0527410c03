import type { INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { describeKind } from '../errors/knox-config.error.ts';
import { realmNamesOf } from '../http/realm.decorator.ts';
import type { Realms } from '../http/realms.ts';
import { realmsOfApp } from '../http/realms-of-app.ts';
import { DeclaredRoutes } from './declared-routes.ts';
import { ERROR_SCHEMA, errorResponses, errorSchema, mergeCodes } from './error-responses.ts';
import type { OpenApiDocument, Operation, Paths, Response } from './openapi.ts';
import { withUniqueIds } from './operation-ids.ts';
import { isMissing, packageRoute, type RouteDescription } from './package-routes.ts';
import { guardErrors, Protections } from './protection.ts';
import { securityOf, securitySchemes } from './security.ts';

/** The fields of a path that are operations; it has others, such as `parameters`. */
const METHODS = [
  ...['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query', 'search'],
];

/** Those whose origin is not checked. */
const READING_METHODS = ['get', 'head', 'options'];

/**
 * Describes in an OpenAPI document what this package does in the application:
 *
 * - a security scheme for each realm, `knox` for the realm `api` and such as `knox-staff` for others; and with the
 *   option `cookie` another, `knoxCookie` or such as `knoxCookie-staff`;
 * - what each operation asks for that a KnoxAuthGuard guards, and its answers 401, 403 and 503;
 * - the bodies and answers of the routes of KnoxController and KnoxSessionsController.
 *
 * What the document says already is kept: a security scheme of such a name, and the summary, body or answer of an
 * operation. A subclass of KnoxAuthGuard counts as one, whatever it overrides.
 *
 * @param app the application, with its global guards, prefix and versioning, initialized or not
 * @param document OpenAPI 3.0 or later, as `SwaggerModule.createDocument` makes it; it is not changed
 * @returns a copy of the document
 * @throws TypeError for what is no application or no document
 * @throws KnoxConfigError if the application has no KnoxModule, or if a handler asks a realm that there is not
 * @publicApi
 */
export function describeKnox<Document extends OpenApiDocument>(
  app: INestApplicationContext,
  document: Document,
): Document {
  const realms = realmsOfApp(app);
  checkDocument(document);
  return new Description(app, realms, document).whole() as Document;
}

function checkDocument(document: Partial<OpenApiDocument> | null | undefined): void {
  const { openapi, paths } = document ?? {};
  if (typeof openapi === 'string' && typeof paths === 'object' && (paths as unknown) !== null) {
    return;
  }
  throw new TypeError(
    `document must be an OpenAPI document, with "openapi" and "paths"; got ${describeKind(document)}.`,
  );
}

class Description {
  readonly #realms: Realms;
  readonly #document: OpenApiDocument;
  readonly #routes: DeclaredRoutes;
  readonly #protections: Protections;
  readonly #schemes: Readonly<Record<string, object>>;
  /** The operations of the package's routes, each with the realm's name. */
  readonly #ours = new Map<Operation, string>();

  constructor(app: INestApplicationContext, realms: Realms, document: OpenApiDocument) {
    const config = app.get(ApplicationConfig);
    this.#realms = realms;
    this.#document = document;
    this.#routes = new DeclaredRoutes(app.get(ModulesContainer), config);
    this.#protections = new Protections(config);
    this.#schemes = Object.assign({}, ...realms.all.map(securitySchemes)) as Record<string, object>;
  }

  whole(): OpenApiDocument {
    const components = this.#document.components as Record<string, object> | undefined;
    return {
      ...this.#document,
      paths: withUniqueIds(this.#paths(), this.#ours),
      components: {
        ...components,
        securitySchemes: { ...this.#schemes, ...components?.securitySchemes },
        schemas: { [ERROR_SCHEMA]: errorSchema, ...components?.schemas },
      },
    };
  }

  #paths(): Paths {
    const paths = Object.entries(this.#document.paths as Paths).map(([path, item]) => {
      const fields = Object.entries(item).flatMap(([field, value]) => {
        const operation = METHODS.includes(field) ? this.#operation(path, field, value) : value;
        return operation ? [[field, operation] as const] : [];
      });
      return [path, Object.fromEntries(fields)] as const;
    });
    return Object.fromEntries(paths.filter(([, item]) => Object.keys(item).length > 0));
  }

  /** The operation, described; null if the application has no such route. */
  #operation(path: string, method: string, operation: Operation): Operation | null {
    const route = this.#routes.find(path, method, operation.operationId);
    if (!route) return operation;
    const protection = this.#protections.of(route);
    const describeRoute = packageRoute(route);
    if (protection === 'none' && !describeRoute) return operation;
    const asked = this.#realms.named(realmNamesOf(route.handler, route.type));
    const [realm] = asked;
    if (isMissing(route, realm)) return null;
    const given = operation.security ?? this.#document.security;
    const description = describeRoute?.(realm, this.#document);
    const isChecked =
      !READING_METHODS.includes(method) && asked.some(({ requests }) => requests.cookie !== null);
    const errors = mergeCodes(guardErrors(route, protection, isChecked), description?.errors ?? {});
    const described = {
      ...describeRequest(operation, description),
      security:
        protection === 'none'
          ? (operation.security ?? [])
          : securityOf(protection, asked, given, Object.keys(this.#schemes)),
      responses: addResponses(operation.responses, {
        ...description?.responses,
        ...errorResponses(errors),
      }),
    };
    if (description) this.#ours.set(described, realm.name);
    return described;
  }
}

function describeRequest(
  operation: Operation,
  description: RouteDescription | undefined,
): Operation {
  if (!description) return operation;
  const { summary, requestBody, parameters = [] } = description;
  const given = operation.parameters ?? [];
  const added = parameters.filter(({ name }) => given.every((other) => other.name !== name));
  return {
    ...operation,
    ...(operation.summary ? {} : { summary }),
    ...(operation.requestBody || !requestBody ? {} : { requestBody }),
    ...(added.length === 0 ? {} : { parameters: [...given, ...added] }),
  };
}

/** Adds those that the document does not describe yet: @nestjs/swagger puts in one that says nothing. */
function addResponses(
  given: Operation['responses'] = {},
  ours: Readonly<Record<string, Response>>,
): Operation['responses'] {
  const isDescribed = (status: string): boolean => {
    const { description = '', ...rest } = given[status] ?? {};
    return description !== '' || Object.keys(rest).length > 0;
  };
  const added = Object.entries(ours).filter(([status]) => !isDescribed(status));
  return { ...given, ...Object.fromEntries(added) };
}
