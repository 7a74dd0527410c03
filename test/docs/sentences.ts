/**
 * The sentences of a document that are longer than this, in words. Code, comments and headings are left out. A cell of a
 * table, an item of a list and a paragraph end a sentence; so do a full stop, a question mark and an exclamation mark.
 */
export function longSentences(text: string, words: number): string[] {
  return text
    .replace(/^```.*?^```$/gms, '')
    .replace(/<!--.*?-->|<[^>]+>/gs, '')
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=[#|])/)
    .filter((block) => !block.trimStart().startsWith('#'))
    .flatMap((block) => (block.startsWith('|') ? block.split('|') : [block]))
    .map(readable)
    .flatMap((unit) => unit.split(/(?<=[.!?][*)]*)\s+/))
    .filter((sentence) => wordsOf(sentence) > words);
}

/** What is read aloud: of code one word, and of a link its text. */
function readable(text: string): string {
  return text
    .replace(/`[^`]*`/g, 'code')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\s+/g, ' ')
    .replace(/^ ?(?:[-*]|\d+\.) (\*\*[^*]+\*\*)?/, '')
    .trim();
}

function wordsOf(sentence: string): number {
  return sentence.split(' ').filter((word) => /\w/.test(word)).length;
}
