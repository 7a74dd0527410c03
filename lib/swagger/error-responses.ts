import { jsonContent, type Response, type Schema } from './openapi.ts';

/** The codes of the errors of a route, by status. */
export type ErrorCodes = Readonly<Partial<Record<keyof typeof DESCRIPTIONS, readonly string[]>>>;

/** The name of the schema of all errors. */
export const ERROR_SCHEMA = 'KnoxError';

const DESCRIPTIONS = {
  400: 'The body cannot be used.',
  401: 'The credentials are missing or bad.',
  403: 'The credentials are good, but not for this.',
  404: 'There is no such session.',
  503: 'The database gave no answer in time, so that nothing is known about the credentials.',
} as const;

const CHALLENGE = {
  'WWW-Authenticate': {
    description: 'The challenge: the scheme that is asked for, and why the credentials are bad.',
    schema: { type: 'string' },
  },
};

/** An error as NestJS makes it, with a code that does not change. */
export const errorSchema: Schema = {
  type: 'object',
  required: ['statusCode', 'message', 'error', 'code'],
  properties: {
    statusCode: { type: 'integer' },
    message: { type: 'string' },
    error: { type: 'string' },
    code: { type: 'string' },
  },
};

/** The answers with these codes, by status. */
export function errorResponses(codes: ErrorCodes): Record<string, Response> {
  const responses = Object.entries(codes).map(([status, list]): [string, Response] => {
    const code = { type: 'string', enum: [...new Set(list)] };
    const schema = {
      allOf: [
        { $ref: `#/components/schemas/${ERROR_SCHEMA}` },
        { type: 'object', properties: { code } },
      ],
    };
    const description = DESCRIPTIONS[Number(status) as keyof ErrorCodes];
    const headers = status === '401' ? { headers: CHALLENGE } : {};
    return [status, { description, ...headers, content: jsonContent(schema) }];
  });
  return Object.fromEntries(responses);
}

/** The codes of two tables. */
export function mergeCodes(some: ErrorCodes, others: ErrorCodes): ErrorCodes {
  const statuses = new Set([...Object.keys(some), ...Object.keys(others)].map(Number));
  return Object.fromEntries(
    [...(statuses as Set<keyof ErrorCodes>)].map((status) => [
      status,
      [...(some[status] ?? []), ...(others[status] ?? [])],
    ]),
  );
}
