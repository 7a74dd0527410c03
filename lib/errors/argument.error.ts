/**
 * A method got an argument that it cannot take. A class apart from other TypeErrors: those are faults, and
 * must not reach the caller as its own mistake.
 */
export class ArgumentError extends TypeError {}
