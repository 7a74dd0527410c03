import { createParamDecorator } from '@nestjs/common';
import { propertyOf, type AuthParameterDecorator } from './decorated-parameter.ts';

/**
 * The user that a guard of this package has found for this HTTP request, GraphQL operation or socket message, as the
 * application's entity; undefined if there is none. `@CurrentUser('email')` gives that property of it.
 *
 * @publicApi
 */
export const CurrentUser: AuthParameterDecorator = createParamDecorator<string | undefined>(
  (property, context) => propertyOf(context, 'user', property),
);
