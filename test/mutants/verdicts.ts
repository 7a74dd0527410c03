import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const TOKEN_JSON = { tests: ['test/entities/token-json.test.ts'] };

/** What a handler is told of the user and token, and what an answer shows of them. */
export const VERDICTS: readonly Mutant[] = [
  {
    name: 'The JSON of a token shows its digest',
    edits: [replaceIn('shownProperties', /name !== 'digest'/, 'true')],
    check: TOKEN_JSON,
    killedBy: /has its columns but the digest|of a new one has no digest/,
  },
  {
    name: 'class-transformer shows the owner of a token',
    edits: [replaceIn('hiddenProperties', /, \.\.\.relations[^\]]*/, '')],
    check: TOKEN_JSON,
    killedBy: /has its columns but the digest|of a new one has no digest/,
  },
  {
    name: 'An option that every object inherits counts',
    edits: [replaceBody('givenOptions', 'return options;')],
    check: { tests: ['test/options/given-options.test.ts'] },
    killedBy: /are none of/,
  },
  {
    name: 'A token may be made that has expired',
    edits: [replaceIn('ownTtlOf', /, 1\)/, ')')],
    check: { tests: ['test/service/create-refusals.test.ts'] },
    killedBy: /a ttl of zero|a negative ttl/,
  },
  {
    name: 'A message shows any text that was given as a duration',
    edits: [replaceIn('describeDuration', / \|\| !MEANT_AS_DURATION\.test\(value\)/, '')],
    check: { tests: ['test/options/resolve-options.test.ts'] },
    killedBy: /shows no text of a duration/,
  },
];
