import { describe, it } from '@jest/globals';
import { DATABASES, type DatabaseName } from './databases.ts';

/** As `describe.each`, which fails if there is no case: a skipped test says so. */
export function describeEach<Case>(
  cases: readonly Case[],
  title: string,
  suite: (one: Case) => void,
): void {
  if (cases.length > 0) describe.each(cases as Case[])(title, suite);
  else describe(title, () => it.skip('LEFT OUT: what it needs does not answer', () => {}));
}

/** Runs the suite on each of these databases that is available. If there is none, a skipped test says so. */
export function describeOn<Name extends DatabaseName>(
  names: readonly Name[],
  title: string,
  suite: (name: Name) => void,
): void {
  describeEach(
    names.filter((name) => DATABASES.includes(name)),
    title,
    suite,
  );
}

/** The same on the database servers. */
export function describeOnServers(
  title: string,
  suite: (name: 'postgres' | 'mariadb') => void,
): void {
  describeOn(['postgres', 'mariadb'], title, suite);
}
