/**
 * Describes guards and routes in an OpenAPI document.
 *
 * @module nestjs-knox/swagger
 */
export { describeKnox } from './describe-knox.ts';
export type { OpenApiDocument } from './openapi.ts';
