/**
 * Tokens for the tests of an application.
 *
 * @module nestjs-knox/testing
 */
export { actingAs, type ActingAs, type ActingAsOptions } from './acting-as.ts';
