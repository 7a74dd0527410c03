/** What abilities look like. @see docs/guide/api-keys.md, "Abilities" */
const ABILITY = /^[A-Za-z0-9._:/-]{1,64}$/;

/** How many abilities one token may have. */
const MAX_ABILITIES = 64;

/** What a list of abilities must be, for messages. */
export const ABILITIES_FORMAT = `an array of at most ${String(MAX_ABILITIES)} strings of 1 to 64 of the characters A-Z a-z 0-9 . _ : / -`;

/** Whether it is one ability. */
export function isAbility(value: unknown): value is string {
  return typeof value === 'string' && ABILITY.test(value);
}

/** Whether it is a list of abilities; the empty one may do nothing. */
export function isAbilityList(value: unknown): value is string[] {
  // `every` alone passes over gaps.
  return (
    Array.isArray(value) &&
    value.length <= MAX_ABILITIES &&
    !value.includes(undefined) &&
    value.every(isAbility)
  );
}

/** The abilities in a stored text; none in one that holds anything else, so that damage never widens what a token may do. */
export function parseAbilities(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    return isAbilityList(value) ? value : [];
  } catch {
    return [];
  }
}
