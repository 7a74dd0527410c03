import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DATABASES, type DatabaseName } from './databases.ts';

export const HELP = `Two application processes on one database, users of all kinds, and a database that is killed and
frozen now and then. Every answer is judged by what was acknowledged before.

  npm run soak -- [options]

  --minutes N         how long to soak each database; default 3
  --seconds N         the same in seconds
  --database NAME     sqlite, postgres or mariadb, as often as you like; default: each one whose
                      server is installed. Servers are started for the soak alone, in a temporary
                      folder and on a free port
  --chaos-seconds N   from the beginning of one fault to that of the next; default 20, at least 8
  --seed N            decides what the users do; default: by chance. The seed is reported
  --rounds N          then logs one user in 24 times at once, N times over; default 500, half of them
                      at each isolation level a server may have for its default
  --fuzz N            then sends N hostile requests to each process; default 0
  --json FILE         writes the figures; of several databases, their sums and maxima
  --help

What is answered while the soak itself stands still for 2 s or more, or 5 s after, as on a virtual machine
that was paused, is not timed, and its server errors are counted by themselves.

Exits with 1 if anything was found that must not be, with 2 if the arguments make no sense.`;

export interface Arguments {
  readonly seconds: number;
  readonly chaosSeconds: number;
  /** Null: all that can be started. */
  readonly databases: readonly DatabaseName[] | null;
  readonly seed: number;
  readonly rounds: number;
  readonly fuzz: number;
  readonly json: string | null;
}

/** The arguments make no sense; the message says which, and what would. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

/** Null where help is asked for. @throws ArgumentError */
export function readArguments(args: readonly string[]): Arguments | null {
  const values = parse(args);
  if (values.help === true) return null;
  if (values.minutes !== undefined && values.seconds !== undefined)
    throw new ArgumentError('Give --minutes or --seconds, not both.');
  const databases = (values.database ?? []).map(databaseOf);
  const seconds =
    values.seconds === undefined
      ? 60 * numberOf('--minutes', values.minutes ?? '3', 0.05, 100_000)
      : numberOf('--seconds', values.seconds, 3, 6_000_000);
  return {
    seconds,
    chaosSeconds: numberOf('--chaos-seconds', values['chaos-seconds'] ?? '20', 8, 86_400),
    databases: databases.length === 0 ? null : [...new Set(databases)],
    seed:
      values.seed === undefined
        ? Math.floor(Math.random() * 2 ** 32)
        : wholeOf('--seed', values.seed),
    rounds: wholeOf('--rounds', values.rounds ?? '500'),
    fuzz: wholeOf('--fuzz', values.fuzz ?? '0'),
    json: values.json === undefined ? null : fileOf(values.json),
  };
}

function parse(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({
      args: [...args],
      options: {
        minutes: text,
        seconds: text,
        database: { type: 'string', multiple: true },
        'chaos-seconds': text,
        seed: text,
        rounds: text,
        fuzz: text,
        json: text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}

function databaseOf(name: string): DatabaseName {
  const found = DATABASES.find((known) => known === name);
  if (found) return found;
  throw new ArgumentError(`--database: there is no "${name}"; there are ${DATABASES.join(', ')}.`);
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = `from ${String(least)} to ${String(most)}`;
  throw new ArgumentError(`${option}: expected a number ${range}; got "${text}".`);
}

function wholeOf(option: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value < 2 ** 32) return value;
  throw new ArgumentError(`${option}: expected a whole number below 2^32; got "${text}".`);
}

/** Found out before the soak rather than after it. */
function fileOf(path: string): string {
  const file = resolve(path);
  try {
    accessSync(dirname(file), constants.W_OK);
    return file;
  } catch {
    throw new ArgumentError(`--json: cannot write to ${dirname(file)}.`);
  }
}
