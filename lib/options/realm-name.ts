/** The realm of a KnoxModule that names none. */
export const DEFAULT_REALM = 'api';

/** Injects the name of the module's realm. */
export const REALM_NAME = Symbol('REALM_NAME');

/** It stands between quotes in challenges and, behind `knox-`, in the name of Passport's strategy. */
const REALM = /^[A-Za-z0-9._-]{1,64}$/;

/** Whether this may be the name of a realm: 1 to 64 letters, digits, `.`, `_` or `-`. */
export function isRealmName(value: unknown): value is string {
  return typeof value === 'string' && REALM.test(value);
}
