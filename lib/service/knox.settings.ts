/** Injects the checked and completed runtime options, a KnoxSettings. */
export const KNOX_SETTINGS = Symbol('KNOX_SETTINGS');
