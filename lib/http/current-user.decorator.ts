import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { authContextOf } from './execution-context.ts';

/**
 * The user that the guard has found, as the application's entity; undefined if there is none.
 *
 * @publicApi
 */
export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext): unknown => authContextOf(context).user,
);
