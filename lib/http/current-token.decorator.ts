import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { authContextOf } from './execution-context.ts';

/**
 * The token entity that the guard has found; undefined if there is none.
 *
 * @publicApi
 */
export const CurrentToken = createParamDecorator(
  (_: unknown, context: ExecutionContext): unknown => authContextOf(context).authToken,
);
