/**
 * Closes connections whose tokens have ended.
 *
 * @module nestjs-knox/live
 */
export { KnoxLiveModule } from './knox-live.module.ts';
export type { KnoxLiveOptions } from './live-options.ts';
export { LiveTokens } from './live-tokens.ts';
export type { TokenWatch } from './token-watch.ts';
