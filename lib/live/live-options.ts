import { describeKind, KnoxConfigError } from '../errors/knox-config.error.ts';
import {
  describeDuration,
  DURATION_FORMAT,
  MAX_TIMER_MS,
  parseDuration,
  type Duration,
} from '../options/duration.ts';
import { givenOptions } from '../options/given-options.ts';

/** The options of `KnoxLiveModule.forRoot`. */
export interface KnoxLiveOptions {
  /** How often the database is asked for each token that is watched, more than 0. Default `'2s'`. */
  interval?: Duration | undefined;
  /**
   * How long a connection stays open while nothing is known about its token, because the database does not answer. More
   * than `interval`. Default `'60s'`.
   */
  failAfter?: Duration | undefined;
}

/** The same in milliseconds. */
export interface LiveSettings {
  readonly interval: number;
  readonly failAfter: number;
}

const DEFAULTS = { interval: '2s', failAfter: '60s' } as const;

/** Names the module in messages. */
export const LIVE_MODULE = 'KnoxLiveModule';

/** @throws KnoxConfigError for the first option that is wrong or unknown */
export function resolveLiveOptions(options: unknown): LiveSettings {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const problem = `expected an object of options; got ${describeKind(options)}.`;
    throw new KnoxConfigError('options', problem, LIVE_MODULE);
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(DEFAULTS, name));
  if (unknown !== undefined) {
    const problem = `unknown; there are ${Object.keys(DEFAULTS).join(', ')}.`;
    throw new KnoxConfigError(unknown, problem, LIVE_MODULE);
  }
  const given: KnoxLiveOptions = givenOptions(options);
  const interval = duration('interval', given);
  const failAfter = duration('failAfter', given);
  if (failAfter > interval) return { interval, failAfter };
  throw new KnoxConfigError(
    'failAfter',
    'must be longer than interval, or connections would be closed before the database was asked again.',
    LIVE_MODULE,
  );
}

function duration(name: keyof LiveSettings, given: KnoxLiveOptions): number {
  const { [name]: value = DEFAULTS[name] } = given;
  const ms = parseDuration(value, 1);
  if (ms !== undefined && ms <= MAX_TIMER_MS) return ms;
  throw new KnoxConfigError(
    name,
    `expected ${DURATION_FORMAT.replace('1000 years', '24 days')}, and more than 0; got ${describeDuration(value)}.`,
    LIVE_MODULE,
  );
}
