import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { authContextOf } from './execution-context.ts';

/**
 * The user whom a guard found, as the application's own entity; undefined where there is none.
 *
 * @publicApi
 */
export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext): unknown => authContextOf(context).user,
);
