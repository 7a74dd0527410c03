/** Users are numbered from 1: those who do this and that, those who flood, those who surge. */
export const ORDINARY = 12;
export const FLOODERS = 2;
export const SURGERS = 8;

/** Whom the fuzzer logs in as, with any number of tokens. */
export const FUZZ_USER = ORDINARY + FLOODERS + SURGERS + 1;
