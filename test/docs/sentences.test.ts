import { describe, expect, it } from '@jest/globals';
import { DOCUMENTS, readDocument } from './markdown.ts';
import { longSentences } from './sentences.ts';

/** The documents that are read from beginning to end, and those that are looked up at night. */
const ROOTS = ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md'];
const READ = DOCUMENTS.filter((path) => ROOTS.includes(path) || path.startsWith('docs/'));

describe('the sentences of the documents', () => {
  it.each(READ)('have at most 35 words: %s', (document) => {
    expect(longSentences(readDocument(document), 35)).toEqual([]);
  });
});

describe('longSentences', () => {
  it.each([
    ['One two three four.', ['One two three four.']],
    ['One two. Three four.\nFive.', []],
    ['One two\nthree `a b c`.', ['One two three code.']],
    ['- One two three\n- four', []],
    ['- **One.** Two three four', []],
    ['| one two | three four |', []],
    ['| one two three four | five |', ['one two three four']],
    ['## One two three four', []],
    ['```ts\none two three four\n```', []],
    ['[One two](three.md) four five.', ['One two four five.']],
  ])('finds those of more than three words in %j', (text, found) => {
    expect(longSentences(text, 3)).toEqual(found);
  });
});
