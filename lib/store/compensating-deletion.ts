import type { QueryRunner } from 'typeorm';
import type { BackgroundTasks } from '../async/background-tasks.ts';
import { Operation } from '../async/operation.ts';
import { OutcomeUnknownError } from '../database/database.ts';

/** How long one attempt to delete the row may take, in milliseconds. */
const ATTEMPT_MS = 5_000;

/** The first and the longest pause between two attempts, in milliseconds. */
const PAUSE_MS = { first: 100, longest: 10_000 } as const;

/** How a token's row is deleted: on a connection of ours, or in the application's transaction. */
type DeleteRow = (digest: string, op: Operation, transaction?: QueryRunner) => Promise<unknown>;

/**
 * Deletes the token of a login that was answered with an error. If its insert has succeeded, or its outcome is
 * unknown, the row is deleted, with retries until the database confirms. If the COMMIT's outcome is unknown, it is
 * deleted again once that COMMIT can no longer arrive.
 */
export class CompensatingDeletion {
  readonly #tasks: BackgroundTasks;
  readonly #deleteRow: DeleteRow;

  constructor(tasks: BackgroundTasks, deleteRow: DeleteRow) {
    this.#tasks = tasks;
    this.#deleteRow = deleteRow;
  }

  /**
   * @param insert was given up, and may yet succeed; without it, the row is there
   * @param commitGraceMs how long the COMMIT of that insert may still arrive, in milliseconds
   */
  schedule(digest: string, insert?: Promise<unknown>, commitGraceMs = 0): void {
    this.#runInBackground(async () => {
      const outcome = insert ? await outcomeOf(insert) : 'succeeded';
      if (outcome === 'failed') return;
      await this.#deleteUntilConfirmed(digest);
      if (outcome === 'succeeded') return;
      await this.#tasks.sleep(commitGraceMs);
      await this.#deleteUntilConfirmed(digest);
    });
  }

  /**
   * For an insert in the application's transaction. The application may catch the error and commit, which would keep a
   * token that nobody holds. The DELETE is sent now, so that it runs right after the INSERT. If the transaction has
   * failed, the DELETE fails too, and nothing is kept.
   */
  scheduleIn(transaction: QueryRunner, digest: string, timeoutMs: number): void {
    this.#runInBackground(() => {
      const op = Operation.within(timeoutMs);
      return op.race(this.#deleteRow(digest, op, transaction));
    });
  }

  #runInBackground(work: () => Promise<unknown>): void {
    this.#tasks.run(work, () => undefined);
  }

  async #deleteUntilConfirmed(digest: string): Promise<void> {
    let pause: number = PAUSE_MS.first;
    // Once at least, even if a shutdown has begun.
    do {
      try {
        await this.#deleteRow(digest, Operation.within(ATTEMPT_MS));
        return;
      } catch {
        await this.#tasks.sleep(Math.min(pause, PAUSE_MS.longest));
        pause *= 2;
      }
    } while (!this.#tasks.isClosed);
  }
}

async function outcomeOf(insert: Promise<unknown>): Promise<'succeeded' | 'failed' | 'unknown'> {
  try {
    await insert;
    return 'succeeded';
  } catch (error) {
    return error instanceof OutcomeUnknownError ? 'unknown' : 'failed';
  }
}
