import timers from 'node:timers';

/**
 * Node's own timers, held from the start: a test's fake clock, which may replace them in the module as
 * well as in the globals, must stop neither a deadline nor a lookup.
 */
export const { setTimeout, clearTimeout, setImmediate } = timers;
export const nextTick = process.nextTick.bind(process);
