import { describe, expect, it } from '@jest/globals';
import type { MarkdownRenderer } from 'vitepress';
import { isPage, sitePath } from '../../docs/.vitepress/pages.ts';
import { repositoryLinks } from '../../docs/.vitepress/repository-links.ts';
import { SIDEBAR } from '../../docs/.vitepress/sidebar.ts';
import { DOCUMENTS, readDocument } from './markdown.ts';

const LINKS = SIDEBAR.flatMap(({ items = [] }) => items.map(({ link = '' }) => link));

describe('the sidebar of the site', () => {
  const pages = DOCUMENTS.filter(isPage).map((path) => `/${sitePath(path).replace(/\.md$/, '')}`);

  it('has each page of docs', () => {
    const own = pages.filter((page) => page !== '/index' && !page.startsWith('/project/'));
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter((page) => !LINKS.includes(page))).toEqual([]);
  });

  it('leads to pages that are there', () => {
    // `npm run docs` makes that of the API.
    const links = LINKS.filter((link) => link !== '/reference/api/');
    expect(links.filter((link) => !pages.includes(link))).toEqual([]);
  });
});

describe('the headings of a document', () => {
  it.each(DOCUMENTS)('have no link and no anchor of their own: %s', (document) => {
    // Code hosts and VitePress would make other anchors of them.
    const text = readDocument(document).replace(/^```.*?^```$/gms, '');
    expect(text.match(/^#+ .*(\]\(|\{#|<).*$/gm)).toBeNull();
  });
});

describe('a link on the site', () => {
  interface Token {
    type: string;
    href?: string;
    attrGet(): string;
    attrSet(_: string, to: string): void;
  }

  /** What becomes of a link in docs/guide/roles.md. */
  function rendered(href: string, sources?: string): string | undefined {
    let rule: ((state: object) => void) | undefined;
    const md = { core: { ruler: { push: (_: string, given: typeof rule) => (rule = given) } } };
    repositoryLinks(md as unknown as MarkdownRenderer, { root: '/clone', sources });
    const link: Token = {
      type: 'link_open',
      href,
      attrGet: () => link.href!,
      attrSet: (_, to) => (link.href = to),
    };
    const children = [link, { type: 'text' }, { type: 'link_close' }];
    rule!({ tokens: [{ children }], env: { path: '/clone/docs/guide/roles.md' } });
    return children.length === 3 ? link.href : undefined;
  }

  it.each([
    ['guards.md', '/guide/guards.md'],
    ['../reference/errors.md#troubleshooting', '/reference/errors.md#troubleshooting'],
    ['../../SECURITY.md', '/project/security.md'],
    ['../../bench/README.md#results', '/project/bench.md#results'],
    ['../../sample/04-browser/README.md', '/project/sample/04-browser.md'],
    ['#roles', '#roles'],
    ['https://nodejs.org/', 'https://nodejs.org/'],
  ])('leads from %s to the page', (href, page) => {
    expect(rendered(href)).toBe(page);
  });

  it('leads to the code host, if the file is no page', () => {
    const sources = 'https://code.example/knox/blob/main/';
    expect(rendered('../../lib/index.ts', sources)).toBe(`${sources}lib/index.ts`);
  });

  it('is only its text, if the file is no page and there is no code host', () => {
    expect(rendered('../../lib/index.ts')).toBeUndefined();
  });
});
