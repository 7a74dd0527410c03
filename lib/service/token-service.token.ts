import { Inject } from '@nestjs/common';
import { DEFAULT_REALM } from '../options/realm-name.ts';

/**
 * The injection token of a realm's TokenService.
 *
 * @param realm its name; default `'api'`
 * @publicApi
 */
export function getTokenServiceToken(realm: string = DEFAULT_REALM): string {
  return `nestjs-knox:TokenService:${realm}`;
}

/**
 * Injects a realm's TokenService into a parameter or property.
 *
 * @param realm its name; default `'api'`
 * @publicApi
 */
export function InjectTokenService(
  realm: string = DEFAULT_REALM,
): PropertyDecorator & ParameterDecorator {
  return Inject(getTokenServiceToken(realm));
}
