import { FAULTS } from './faults.ts';
import { LINES } from './lines.ts';
import type { Plant } from './plant.ts';
import { RACES } from './races.ts';
import { ROWS } from './rows.ts';
import { SOAKS } from './soaks.ts';

/** The bugs that the tests of races, faults, stores and time, and the soak, are there for. */
export const PLANTS: readonly Plant[] = [...RACES, ...FAULTS, ...LINES, ...ROWS, ...SOAKS];
