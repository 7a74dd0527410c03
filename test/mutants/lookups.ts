import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const BATCHES = {
  tests: ['test/store/lookup.batcher.test.ts', 'test/store/lookup-batch.test.ts'],
};

/** What lookups that share a statement do to one another. */
export const LOOKUPS: readonly Mutant[] = [
  {
    name: 'A lookup joins a statement that was sent already',
    edits: [
      replaceIn(
        'LookupBatcher.#takeBatch',
        /(?=return groups;)/,
        'for (const group of groups) ((this as any).sent ??= new Map()).set(group.digest, group);',
      ),
      replaceIn(
        'LookupBatcher.#queue',
        /this\.#queued\.get\(digest\)/,
        '$& ?? (this as any).sent?.get(digest)',
      ),
      replaceIn(
        'LookupBatcher.#answer',
        /(?<=\(const group of some\) \{)/,
        '(this as any).sent.delete(group.digest);',
      ),
    ],
    check: BATCHES,
    killedBy: /comes after they were sent|was sent before a revocation/,
  },
  {
    name: 'Two requests share one object',
    edits: [
      replaceIn('LookupBatcher.#settleOne', /copyRows\(loaded\.rows, budget\)/, 'loaded.rows'),
    ],
    check: BATCHES,
    killedBy: /an object of its own for each|share no object, however deep/,
  },
  {
    name: "Hydration runs in another request's async context",
    edits: [
      replaceBody(
        'LookupBatcher.#resolve',
        `if (!this.#pending.delete(lookup)) return;
        const hydration = loaded && (async () => loaded.hydrate(loaded.rows))();
        hydration?.catch(() => undefined);
        lookup.resolve(loaded && { ...loaded, hydrate: () => hydration! });`,
      ),
    ],
    check: BATCHES,
    killedBy: /in the async context of its request/,
  },
  {
    name: 'A connection is given back while tokens are hydrated on it',
    edits: [replaceIn('LookupBatcher.#answer', /await Promise\.allSettled\([^)]+\)/, 'undefined')],
    check: BATCHES,
    killedBy: /keeps the connection until all tokens are made/,
  },
  {
    name: 'A bad row fails its whole batch',
    edits: [replaceBody('LookupBatcher.#loadAll', 'await load(groups);')],
    check: BATCHES,
    killedBy: /fails only the lookups of that row/,
  },
];
