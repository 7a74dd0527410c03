/** Puts another text in the place of one that stands in the file exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A bug to put into a copy of the code, and what has to notice it. */
export interface Plant {
  /** What the bug is, as a sentence. */
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly trial: Trial;
  /**
   * Which tests have to notice it: only these are run. Of a soak, what its last line has to say.
   */
  readonly expects: RegExp;
}

/** What is run: files of tests, or a soak with these arguments. */
export type Trial = { readonly tests: readonly string[] } | { readonly soak: readonly string[] };

export const edit = (file: string, find: string, replace: string): Edit => ({
  file,
  find,
  replace,
});
