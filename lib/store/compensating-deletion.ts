import type { QueryRunner } from 'typeorm';
import type { BackgroundTasks } from '../async/background-tasks.ts';
import { OutcomeUnknownError, runStatement, type Statement } from '../database/database.ts';
import { Deadline } from '../async/deadline.ts';

/** How long one attempt to delete the row may take, in milliseconds. */
const ATTEMPT_MS = 5_000;

/** The first and the longest pause between two attempts, in milliseconds. */
const PAUSE_MS = { first: 100, longest: 10_000 } as const;

/**
 * How long after its beginning a COMMIT may still arrive, in milliseconds: a server lets a transaction
 * idle for as long as its client would wait, and lets its COMMIT run for as long.
 */
export function lateCommitMs({ timeoutMs: ms }: Deadline): number {
  return 2 * ms + 1_000;
}

/**
 * Whoever was told that a login failed must not have a token all the same: if the insert that was
 * given up has succeeded, or nobody knows, its row is deleted, again and again until the database
 * acknowledges it; and once more, when a late COMMIT can no longer bring it back.
 *
 * @param lateMs how long a COMMIT may still arrive: longer than the server lets a transaction idle
 */
export function disown(
  background: BackgroundTasks,
  insert: Promise<unknown>,
  deleteRow: (deadline: Deadline) => Promise<unknown>,
  lateMs: number,
): void {
  const work = async (): Promise<void> => {
    const outcome = await outcomeOf(insert);
    if (outcome === 'failed') return;
    await untilAcknowledged(background, deleteRow);
    if (outcome === 'succeeded') return;
    await background.sleep(lateMs);
    await untilAcknowledged(background, deleteRow);
  };
  background.run(work, () => undefined);
}

async function untilAcknowledged(
  background: BackgroundTasks,
  deleteRow: (deadline: Deadline) => Promise<unknown>,
): Promise<void> {
  let pause: number = PAUSE_MS.first;
  // Once at least, even where a shutdown has begun.
  do {
    try {
      await deleteRow(new Deadline(ATTEMPT_MS));
      return;
    } catch {
      await background.sleep(Math.min(pause, PAUSE_MS.longest));
      pause *= 2;
    }
  } while (!background.isClosed);
}

async function outcomeOf(insert: Promise<unknown>): Promise<'succeeded' | 'failed' | 'unknown'> {
  try {
    await insert;
    return 'succeeded';
  } catch (error) {
    return error instanceof OutcomeUnknownError ? 'unknown' : 'failed';
  }
}

/**
 * Ends a token that was made in a transaction of the application's own, which the application may yet
 * commit: an INSERT that is under way is followed by this on its connection, before anything else can be.
 */
export function undo(
  background: BackgroundTasks,
  deletion: Statement,
  { timeoutMs: ms }: Deadline,
  transaction: QueryRunner,
): void {
  const undone = new Deadline(ms).race(runStatement(transaction, deletion));
  // A transaction that has failed keeps nothing anyway.
  background.run(
    () => undone,
    () => undefined,
  );
}
