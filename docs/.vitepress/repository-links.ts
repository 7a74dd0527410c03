import { dirname, posix, relative } from 'node:path';
import type { MarkdownRenderer } from 'vitepress';
import { isPage, sitePath } from './pages.ts';

interface Options {
  /** The folder of the repository. */
  readonly root: string;
  /** The address of a folder of the repository on its code host, with a slash at the end; undefined while there is none. */
  readonly sources: string | undefined;
}

/**
 * Pages link to files by their paths in the repository, as code hosts read them. On the site, a link to a page leads to
 * that page, and a link to another file to the code host. Without an address of the code host, only the text is left.
 */
export function repositoryLinks(md: MarkdownRenderer, { root, sources }: Options): void {
  md.core.ruler.push('repository-links', ({ tokens, env }) => {
    const { realPath, path } = env as { realPath?: string; path: string };
    const folder = dirname(relative(root, realPath ?? path));
    for (const { children } of tokens) {
      const dropped = new Set<unknown>();
      let isDropped = false;
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const href = resolveLink(token.attrGet('href') ?? '', folder, sources);
          isDropped = href === undefined;
          if (href !== undefined) token.attrSet('href', href);
        }
        if (isDropped && /^link_(open|close)$/.test(token.type)) dropped.add(token);
        if (token.type === 'link_close') isDropped = false;
      }
      children?.splice(0, children.length, ...children.filter((token) => !dropped.has(token)));
    }
  });
}

function resolveLink(href: string, folder: string, sources: string | undefined) {
  if (/^([a-z]+:|#|\/)/.test(href)) return href;
  const [path = '', anchor] = href.split('#');
  const file = posix.join(folder, path);
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (isPage(file)) return `/${sitePath(file)}${hash}`;
  return sources === undefined ? undefined : `${sources}${file}${hash}`;
}
