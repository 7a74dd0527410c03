import { COOKIES } from './cookies.ts';
import { DATA } from './data.ts';
import { FAULTS } from './faults.ts';
import { FUZZING } from './fuzzing.ts';
import { SOAKS } from './in-soak.ts';
import { LIVE } from './live.ts';
import { LOOKUPS } from './lookups.ts';
import type { Mutant } from './mutant.ts';
import { QUEUEING } from './queueing.ts';
import { RACES } from './races.ts';
import { REVOCATIONS } from './revocations.ts';
import { REALMS } from './realms.ts';
import { VERDICTS } from './verdicts.ts';
import { SESSIONS } from './sessions.ts';
import { SET_UPS } from './set-ups.ts';

/** The bugs that the tests of races, faults, stores and time, and the soak, are there to find. */
export const MUTANTS: readonly Mutant[] = [
  ...RACES,
  ...LOOKUPS,
  ...FAULTS,
  ...QUEUEING,
  ...DATA,
  ...VERDICTS,
  ...REVOCATIONS,
  ...REALMS,
  ...SET_UPS,
  ...FUZZING,
  ...SESSIONS,
  ...LIVE,
  ...COOKIES,
  ...SOAKS,
];
