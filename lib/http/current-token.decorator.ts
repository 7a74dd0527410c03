import { createParamDecorator } from '@nestjs/common';
import { propertyOf, type AuthParameterDecorator } from './decorated-parameter.ts';

/**
 * The token entity that a guard of this package has found for this HTTP request, GraphQL operation or socket message;
 * undefined if there is none. `@CurrentToken('tokenKey')` gives that property of it.
 *
 * @publicApi
 */
export const CurrentToken: AuthParameterDecorator = createParamDecorator<string | undefined>(
  (property, context) => propertyOf(context, 'authToken', property),
);
