import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

/** How the package meets the application: its adapter, its entities, its container. */
export const SET_UPS: readonly Mutant[] = [
  {
    name: 'A logout waits for its body, and fails if a parser refuses it',
    edits: [replaceBody('BodyRemover.#remove', '')],
    check: { tests: ['test/e2e/unread-bodies.test.ts'] },
    killedBy: /answers as if there were none: broken JSON/,
  },
  {
    name: 'The body is taken off each request whose path ends like that of a logout',
    edits: [replaceIn('KnoxRoutes.#add', /`\^\/\$\{pattern\}/, '`(?:^|/)${pattern}')],
    check: { tests: ['test/e2e/unread-bodies.test.ts'] },
    killedBy: /leaves the body of a route of the application alone/,
  },
];
