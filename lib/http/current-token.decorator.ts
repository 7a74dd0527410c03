import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { authContextOf } from './execution-context.ts';

/**
 * The token entity by which the user was found; undefined where there is none.
 *
 * @publicApi
 */
export const CurrentToken = createParamDecorator(
  (_: unknown, context: ExecutionContext): unknown => authContextOf(context).authToken,
);
