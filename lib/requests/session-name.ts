/** How many characters the name of a session may have. */
export const MAX_NAME_LENGTH = 100;

/** Why this cannot be the name of a session, as the end of a sentence; null if it can. */
export function problemWithName(name: unknown): string | null {
  if (typeof name !== 'string') return 'must be a string';
  // Characters as databases count them, and not UTF-16 code units. Do not count those of a huge text.
  const isTooLong = name.length > 2 * MAX_NAME_LENGTH || Array.from(name).length > MAX_NAME_LENGTH;
  if (name === '' || isTooLong) return `must have 1 to ${String(MAX_NAME_LENGTH)} characters`;
  if (name.includes('\0')) return 'must not contain a NUL character';
  if (!name.isWellFormed()) return 'must be well-formed Unicode';
  return null;
}

/** The name that the body of a login gives the session; undefined for none. */
export function givenName(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  return Object.hasOwn(body, 'name')
    ? ((body as { readonly name: unknown }).name ?? undefined)
    : undefined;
}
