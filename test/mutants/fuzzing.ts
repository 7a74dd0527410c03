import { replaceBody, replaceIn, type Edit } from './edit.ts';
import type { Mutant } from './mutant.ts';

const FUZZ = { tests: ['test/fuzz/fuzz.test.ts'] };
const TOKEN_ENTITIES = { tests: ['test/fuzz/token-entities.test.ts'] };

/** The first message of a socket decides on all that follow. */
export const KEPT_SOCKET_VERDICT: readonly Edit[] = [
  replaceIn(
    'guardedCall',
    /operation: socketMessage\(context\)/,
    'operation: context.switchToWs().getClient<object>()',
  ),
];

/** What the fuzzer has to find. */
export const FUZZING: readonly Mutant[] = [
  {
    name: 'The body of a logout is parsed, and a broken one keeps the token alive',
    edits: [replaceBody('BodyRemover.#remove', '')],
    check: FUZZ,
    killedBy: /on sqlite with express get no 5xx|on sqlite with fastify get no 5xx/,
  },
  {
    name: 'The verdict on the first message of a socket is kept',
    edits: KEPT_SOCKET_VERDICT,
    check: FUZZ,
    killedBy: /on sqlite with express get no 5xx/,
  },
  {
    name: 'A column of a token is read without its transformer',
    edits: [replaceIn('hydration', /transformer\.from\(value\) as unknown/, 'value')],
    check: TOKEN_ENTITIES,
    killedBy: /on sqlite stores, finds and revokes tokens/,
  },
  {
    name: 'A column of a token is written without its transformer',
    edits: [
      replaceIn(
        'TokenSql.#valueOf',
        /this\.#dataSource\.driver\.preparePersistentValue\(value, column\)/,
        '(void this.#dataSource, value)',
      ),
    ],
    check: TOKEN_ENTITIES,
    killedBy: /on postgres stores, finds and revokes tokens/,
  },
  {
    name: 'An identifier is written without quotes',
    edits: [replaceIn('POSTGRES.identifier', /"\$\{name\.replaceAll\([^)]+\)\}"/, '${name}')],
    check: TOKEN_ENTITIES,
    killedBy: /on postgres stores, finds and revokes tokens/,
  },
];
