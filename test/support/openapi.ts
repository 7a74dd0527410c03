import type { INestApplication } from '@nestjs/common';
import {
  DocumentBuilder,
  SwaggerModule,
  type OpenAPIObject,
  type SwaggerDocumentOptions,
} from '@nestjs/swagger';
import { compileErrors, validate } from '@readme/openapi-parser';
import { describeKnox } from '../../lib/swagger/index.ts';

export interface DocumentOptions extends SwaggerDocumentOptions {
  build?: (builder: DocumentBuilder) => DocumentBuilder;
}

/** The document of an application as @nestjs/swagger makes it. */
export function createDocument(
  app: INestApplication,
  { build = (builder) => builder, ...options }: DocumentOptions = {},
): OpenAPIObject {
  const builder = new DocumentBuilder().setTitle('The API').setVersion('1');
  return SwaggerModule.createDocument(app, build(builder).build(), options);
}

/** The same, described by the package; an OpenAPI validator has found no error in it. */
export async function describedDocument(app: INestApplication, options: DocumentOptions = {}) {
  const document = describeKnox(app, createDocument(app, options));
  await expectValid(document);
  return document;
}

/** @throws Error with what the validator has found */
export async function expectValid(document: OpenAPIObject): Promise<void> {
  // What the validator resolves, it writes into the document.
  const result = await validate(structuredClone(document) as Parameters<typeof validate>[0]);
  if (!result.valid) throw new Error(compileErrors(result));
}

/** An operation as tests look at it. */
export interface FoundOperation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags: string[];
  readonly security?: Record<string, string[]>[];
  readonly requestBody?: any;
  readonly responses: Record<string, any>;
}

/** All operations, by method and path. */
export function operationsOf(document: OpenAPIObject): Record<string, FoundOperation> {
  const found = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [
      `${method.toUpperCase()} ${path}`,
      operation as unknown as FoundOperation,
    ]),
  );
  return Object.fromEntries(found);
}

/** The codes of the errors that an operation answers, by status. */
export function codesOf({ responses }: FoundOperation): Record<string, string[]> {
  const codes = Object.entries(responses)
    .map(([status, response]) => [
      status,
      response.content?.['application/json']?.schema.allOf?.[1].properties.code.enum,
    ])
    .filter(([, list]) => list !== undefined);
  return Object.fromEntries(codes);
}
