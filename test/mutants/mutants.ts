import { FAULTS } from './faults.ts';
import { LINES } from './queueing.ts';
import type { Plant } from './mutant.ts';
import { RACES } from './races.ts';
import { ROWS } from './data.ts';
import { SOAKS } from './in-soak.ts';

/** The bugs that the tests of races, faults, stores and time, and the soak, are there for. */
export const PLANTS: readonly Plant[] = [...RACES, ...FAULTS, ...LINES, ...ROWS, ...SOAKS];
