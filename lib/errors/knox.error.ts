/** An error of this package that is not an HTTP answer. `code` is stable, the message is for people. */
export abstract class KnoxError extends Error {
  abstract readonly code: string;
}

/** The application uses the package wrongly. The message is for its developer and names the remedy. */
export abstract class KnoxUsageError extends KnoxError {}
