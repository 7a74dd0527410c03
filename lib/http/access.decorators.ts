import type { CustomDecorator } from '@nestjs/common';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import {
  describeDuration,
  DURATION_FORMAT,
  parseDuration,
  type Duration,
} from '../options/duration.ts';
import { ABILITIES_FORMAT, isAbilityList } from '../tokens/abilities.ts';

/** The metadata keys of the decorators. */
export const ABILITIES_METADATA = 'nestjs-knox:abilities';
export const FRESH_METADATA = 'nestjs-knox:fresh';

/** What a handler asks of a restricted token: all of some abilities, one of them, or that it is not restricted. */
export type AbilityRule =
  | { readonly kind: 'all' | 'any'; readonly abilities: readonly string[] }
  | { readonly kind: 'unrestricted' };

type AccessDecorator = CustomDecorator;

/**
 * Lets restricted tokens call a handler, or all handlers of a class, that have all of these abilities; without any, all
 * restricted tokens. A restricted token is refused where no decorator names an ability. The decorators nearest to the
 * handler count.
 *
 * @throws KnoxConfigError for what is no ability
 * @publicApi
 */
export function Abilities(...abilities: string[]): AccessDecorator {
  return abilityRule({ kind: 'all', abilities: checkAbilities('@Abilities()', abilities) });
}

/**
 * Lets restricted tokens call a handler, or all handlers of a class, that have one of these abilities.
 *
 * @throws KnoxConfigError for what is no ability, or for none
 * @publicApi
 */
export function AnyAbility(...abilities: string[]): AccessDecorator {
  if (abilities.length === 0) {
    throw new KnoxConfigError(
      'abilities',
      '@AnyAbility() names none; name one or more, or write @Abilities() to let all tokens pass.',
    );
  }
  return abilityRule({ kind: 'any', abilities: checkAbilities('@AnyAbility()', abilities) });
}

/** Refuses all restricted tokens, whatever a decorator of the class says. */
export const Unrestricted = (): AccessDecorator => abilityRule({ kind: 'unrestricted' });

/**
 * Asks that the token's holder has proved a password no longer ago than this: at the login, or by a reauthentication.
 * For a handler, or all handlers of a class; the nearest counts. KnoxAuthGuard asks it; Passport's `AuthGuard('knox')` does
 * not, because Passport does not say which handler asks.
 *
 * @throws KnoxConfigError for what is no duration
 * @publicApi
 */
export function Fresh(maxAge: Duration): AccessDecorator {
  const maxAgeMs = parseDuration(maxAge, 1);
  if (maxAgeMs === undefined) {
    throw new KnoxConfigError(
      'fresh',
      `@Fresh() expects ${DURATION_FORMAT}, more than 0; got ${describeDuration(maxAge)}.`,
    );
  }
  return decorator(FRESH_METADATA, (target) => {
    Reflect.defineMetadata(FRESH_METADATA, maxAgeMs, target);
  });
}

/** Several decorators on one handler or class are all asked for. */
function abilityRule(rule: AbilityRule): AccessDecorator {
  return decorator(ABILITIES_METADATA, (target) => {
    const others = (Reflect.getOwnMetadata(ABILITIES_METADATA, target) ?? []) as AbilityRule[];
    Reflect.defineMetadata(ABILITIES_METADATA, [...others, rule], target);
  });
}

/** A decorator of handlers and classes, such as SetMetadata makes. */
function decorator(key: string, decorate: (target: object) => void): AccessDecorator {
  const decorateTarget = (
    target: object,
    _property?: string | symbol,
    descriptor?: TypedPropertyDescriptor<unknown>,
  ): void => {
    decorate((descriptor?.value as object | undefined) ?? target);
  };
  return Object.assign(decorateTarget, { KEY: key }) as AccessDecorator;
}

function checkAbilities(where: string, abilities: string[]): string[] {
  if (isAbilityList(abilities)) return abilities;
  throw new KnoxConfigError('abilities', `${where} expects ${ABILITIES_FORMAT}.`);
}
