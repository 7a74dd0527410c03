import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DATABASES, type DatabaseName } from './databases.ts';

export const HELP = `Runs two application processes on one database under the load of many kinds of users, while the
database is killed and frozen. Checks every answer against what was acknowledged before.

  npm run soak -- [options]

  --minutes N         how long to soak each database; default 3
  --seconds N         the same in seconds
  --database NAME     sqlite, postgres or mariadb; may be repeated; default: each one whose server
                      is installed. The soak starts its own servers, in a temporary folder and on a
                      free port
  --chaos-seconds N   from the beginning of one fault to that of the next; default 20, at least 8
  --seed N            decides what the users do; default: random. The seed is reported
  --rounds N          then logs one user in 24 times at once, N times; default 500, as many at each
                      isolation level that a server may have as its default, and half of them where
                      a login at the limit revokes the oldest token
  --fuzz N            then sends N hostile requests to each process; default 0
  --json FILE         writes the figures; for several databases, their sums and maxima
  --help

If the soak itself stalls for 2 s or more, as on a virtual machine that was paused, answers until 5 s after
the stall are not timed, and their server errors are counted separately.

Exits with 1 if a figure that must be 0 is not, with 2 if the arguments are invalid.`;

export interface Arguments {
  readonly seconds: number;
  readonly chaosSeconds: number;
  /** Null: each one whose server is installed. */
  readonly databases: readonly DatabaseName[] | null;
  readonly seed: number;
  readonly rounds: number;
  readonly fuzz: number;
  readonly json: string | null;
}

/** An argument is invalid. The message names it and says what is expected. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

/** Returns null if help is asked for. @throws ArgumentError */
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

/** Checks the folder now: after the soak, the figures would be lost. */
function fileOf(path: string): string {
  const file = resolve(path);
  try {
    accessSync(dirname(file), constants.W_OK);
    return file;
  } catch {
    throw new ArgumentError(`--json: cannot write to ${dirname(file)}.`);
  }
}
