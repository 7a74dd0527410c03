import type { MarkdownRenderer } from 'vitepress';

/** Makes the empty heads of tables ordinary cells: a screen reader would announce a head that says nothing. */
export function emptyHeads(md: MarkdownRenderer): void {
  md.core.ruler.push('empty-heads', ({ tokens }) => {
    for (const [i, open] of tokens.entries()) {
      const [content, close] = tokens.slice(i + 1);
      if (open.type !== 'th_open' || content?.content !== '' || !close) continue;
      open.tag = 'td';
      close.tag = 'td';
    }
  });
}
