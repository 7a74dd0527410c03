import { describe, expect, it } from '@jest/globals';
import { DOCUMENTS, readDocument, section, tables } from './markdown.ts';

const GLOSSARY = 'docs/glossary.md';
const text = readDocument(GLOSSARY);
const unused = section(text, 'Words that we do not use');
const [terms = []] = tables(text);
const [banned = []] = tables(unused);

/** What is read of a document: its code names things as other packages do. */
function prose(document: string): string {
  return readDocument(document)
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`]*`/g, '')
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

describe('the glossary', () => {
  it('has each term once, in the order of the alphabet', () => {
    const names = terms.map(([name]) => name!);
    expect(names.length).toBeGreaterThan(30);
    expect(names).toEqual([...new Set(names)].sort((a, b) => a.localeCompare(b, 'en')));
  });

  it('names words that no document uses for our things', () => {
    const words = banned.flatMap(([names]) => names!.split(', '));
    expect(words.length).toBeGreaterThan(8);
    // Pages for those who come from other packages use the words of these.
    const ours = DOCUMENTS.filter((path) => path !== GLOSSARY && !path.startsWith('docs/from/'));
    const found = ours.flatMap((path) => {
      const read = prose(path);
      return words
        .filter((word) => new RegExp(`\\b${word}s?\\b`).test(read))
        .map((word) => `${path}: ${word}`);
    });
    expect(found).toEqual([]);
  });
});
