import type { Edit } from './edit.ts';

/** A bug to put into a copy of the code, and the check that has to fail because of it. */
export interface Mutant {
  /** The bug, as a sentence. */
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly check: Check;
  /** The full names of the tests that have to fail: only these are run. Of a soak, its findings. */
  readonly killedBy: RegExp;
}

/** Files of tests, or the arguments of a soak. */
export type Check = { readonly tests: readonly string[] } | { readonly soak: readonly string[] };
