/** What `describeKnox` needs of an OpenAPI document, 3.0 or later, such as `SwaggerModule.createDocument` makes. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: object;
  readonly components?: object | undefined;
  readonly security?: readonly SecurityRequirement[] | undefined;
}

/** A schema object. */
export type Schema = Readonly<Record<string, unknown>>;

/** The schemes that a request has to satisfy, all of them, each with its scopes. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

/** A response object. */
export interface Response {
  readonly description: string;
  readonly headers?: object;
  readonly content?: object;
}

/** A parameter object, or a reference to one. */
export interface Parameter {
  readonly name?: string;
}

/** An operation object: what a method of a path does. */
export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly security?: readonly SecurityRequirement[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
  readonly responses?: Readonly<Record<string, Partial<Response>>>;
}

/** The operations of each path, by method, and what else a path has. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

/** A body, or an answer, of JSON. */
export function jsonContent(schema: Schema): object {
  return { 'application/json': { schema } };
}

/** The schema, or null; OpenAPI 3.0 has another way to say so than the later versions. */
export function nullable(schema: Schema, { openapi }: OpenApiDocument): Schema {
  return openapi.startsWith('3.0')
    ? { ...schema, nullable: true }
    : { ...schema, type: [schema.type, 'null'] };
}
