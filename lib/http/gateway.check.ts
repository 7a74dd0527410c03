import { Logger } from '@nestjs/common';
import { ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { declaredClasses, methodsOf, type DeclaredClass } from './declared-classes.ts';
import { guardsNamedOn } from './declared-guards.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import { PUBLIC_METADATA } from './public.decorator.ts';

/** The metadata of `@WebSocketGateway()` and `@SubscribeMessage()`, which is not public. */
const GATEWAY_METADATA = 'websockets:is_gateway';
const MESSAGE_METADATA = 'websockets:message_mapping';

/** NestJS 12 asks global guards about messages of sockets. NestJS 11 does not, and has no such method. */
const ASKS_GLOBAL_GUARDS = 'setRouteConflictPolicy' in ApplicationConfig.prototype;

/** Warns of gateways that a global guard of this package would close on NestJS 12, and leaves open on NestJS 11. */
export function warnOfOpenGateways(
  modules: ModulesContainer,
  globalGuards: readonly unknown[],
): void {
  if (ASKS_GLOBAL_GUARDS || !globalGuards.some((guard) => guard instanceof KnoxAuthGuard)) return;
  const open = [...declaredClasses(modules)].filter(isOpenGateway).map(({ name }) => name);
  if (open.length === 0) return;
  new Logger('KnoxModule').warn(
    `NestJS 11 asks no global guard about messages of sockets, so anybody may send them to ${open.join(', ')}. Write ` +
      '@UseGuards() with your guard on the gateway, or @Public() if that is meant.',
  );
}

/** Whether it has a handler for which neither a guard nor `@Public()` is named. */
function isOpenGateway(type: DeclaredClass): boolean {
  return (
    Reflect.getMetadata(GATEWAY_METADATA, type) === true &&
    methodsOf(type).some(
      ([, method]) =>
        Reflect.getMetadata(MESSAGE_METADATA, method) === true &&
        [method, type].every(
          (target) =>
            guardsNamedOn(target).length === 0 &&
            Reflect.getMetadata(PUBLIC_METADATA, target) !== true,
        ),
    )
  );
}
