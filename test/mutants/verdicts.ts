import { replaceIn } from './edit.ts';
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
];
