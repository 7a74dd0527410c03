import type { ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { authContextOf, type AuthContext } from './auth-context.ts';
import { classOfGuard, guardsNamedOn, isSubclass, targetsOf } from './declared-guards.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';

/**
 * A decorator that takes the name of a property, and pipes. The type that createParamDecorator gives differs between the
 * versions of NestJS.
 */
export type AuthParameterDecorator = (
  ...propertyOrPipes: (string | undefined | PipeTransform | Type<PipeTransform>)[]
) => ParameterDecorator;

/** The user or token of this call, or a property of it, for a parameter of its handler. */
export function propertyOf(
  context: ExecutionContext,
  key: keyof AuthContext,
  property: string | undefined,
): unknown {
  const found = authContextOf(context) ?? standInOf(context);
  const value = found?.[key] as Record<string, unknown> | null | undefined;
  return property === undefined ? value : value?.[property];
}

/**
 * What a stand-in has left on the HTTP request. The handler names a guard of this package, and yet none was asked: a test
 * of the application has overridden it.
 */
function standInOf(context: ExecutionContext): AuthContext | undefined {
  if (context.getType() !== 'http') return undefined;
  const isNamed = targetsOf(context).some((target) =>
    guardsNamedOn(target).some((guard) => isSubclass(classOfGuard(guard), KnoxAuthGuard)),
  );
  return isNamed ? context.switchToHttp().getRequest<KnoxRequest>() : undefined;
}
