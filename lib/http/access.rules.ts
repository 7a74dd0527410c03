import type { ExecutionContext } from '@nestjs/common';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { KnoxForbiddenException } from '../service/knox.exceptions.ts';
import { abilitiesOf, authenticatedAt } from '../service/token.access.ts';
import { ABILITIES_METADATA, FRESH_METADATA, type AbilityRule } from './access.decorators.ts';
import { targetsOf } from './declared-guards.ts';
import { CLEAR_COOKIE_METADATA } from './clear-cookie.decorator.ts';
import { NO_STORE_METADATA } from './no-store.decorator.ts';

/** What the decorators of a handler and its class ask of a token. */
interface AccessRule {
  /** Undefined: no decorator lets restricted tokens pass. */
  readonly abilities: readonly AbilityRule[] | undefined;
  /** In milliseconds. */
  readonly maxAge: number | undefined;
  /** Whether no cache may keep an answer. */
  readonly isNotStored: boolean;
  /** Whether a 401 takes the cookie from the browser. */
  readonly clearsCookie: boolean;
}

/** By handler and class, because several classes may inherit a handler. */
const rules = new WeakMap<object, WeakMap<object, AccessRule>>();

/**
 * Checks that a good token may call this handler.
 *
 * @throws KnoxForbiddenException `insufficient_ability`, `reauthentication_required`
 */
export function checkAccess(context: ExecutionContext, authToken: AbstractAuthToken): void {
  const { abilities, maxAge } = ruleOf(context);
  const held = abilitiesOf(authToken);
  if (held !== null) checkAbilities(held, abilities);
  if (maxAge !== undefined && !isFresh(authToken, maxAge)) {
    throw KnoxForbiddenException.reauthenticationRequired(maxAge);
  }
}

/** All comparisons with an Invalid Date are false: a corrupt instant must not make a token fresh for ever. */
function isFresh(authToken: AbstractAuthToken, maxAge: number): boolean {
  return Date.now() - authenticatedAt(authToken).getTime() <= maxAge;
}

/** Whether no cache may keep an answer of this handler. */
export function isNotStored(context: ExecutionContext): boolean {
  return ruleOf(context).isNotStored;
}

/** Whether a 401 of this handler takes the cookie from the browser. */
export function clearsCookie(context: ExecutionContext): boolean {
  return ruleOf(context).clearsCookie;
}

function checkAbilities(held: readonly string[], asked: readonly AbilityRule[] | undefined): void {
  const isAllowed = asked?.every((rule) => {
    if (rule.kind === 'unrestricted') return false;
    const { abilities } = rule;
    return rule.kind === 'all'
      ? abilities.every((ability) => held.includes(ability))
      : abilities.some((ability) => held.includes(ability));
  });
  if (isAllowed) return;
  const scope = asked?.flatMap((rule) => (rule.kind === 'unrestricted' ? [] : rule.abilities));
  throw KnoxForbiddenException.insufficientAbility(scope);
}

function ruleOf(context: ExecutionContext): AccessRule {
  const [handler, type] = targetsOf(context);
  let byClass = rules.get(handler);
  if (!byClass) rules.set(handler, (byClass = new WeakMap()));
  let rule = byClass.get(type);
  if (!rule) byClass.set(type, (rule = readRule([handler, type])));
  return rule;
}

/** A class inherits the metadata of the one that it extends. */
function readRule(targets: readonly object[]): AccessRule {
  const nearest = (key: string): unknown =>
    targets.map((target): unknown => Reflect.getMetadata(key, target)).find(isDefined);
  return {
    abilities: nearest(ABILITIES_METADATA) as AccessRule['abilities'],
    maxAge: nearest(FRESH_METADATA) as AccessRule['maxAge'],
    isNotStored: nearest(NO_STORE_METADATA) === true,
    clearsCookie: nearest(CLEAR_COOKIE_METADATA) === true,
  };
}

const isDefined = (value: unknown): boolean => value !== undefined;
