export { describeKnox } from './describe-knox.ts';
export type { OpenApiDocument } from './openapi.ts';
