import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { emptyHeads } from './empty-heads.ts';
import { isPage, NO_PAGES, sitePath } from './pages.ts';
import { repositoryLinks } from './repository-links.ts';
import { SIDEBAR } from './sidebar.ts';
import { slugify } from './slugify.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { description, repository } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { description: string; repository?: { url: string } };
const address = repository?.url.replace(/^git\+|\.git$/g, '');

const ICON =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><text y='14'>🔑</text></svg>";

export default defineConfig({
  title: 'nestjs-knox',
  description,
  lang: 'en',
  head: [['link', { rel: 'icon', href: ICON }]],
  // Pages link to documents beside docs/, such as SECURITY.md: these are pages too.
  srcDir: '..',
  srcExclude: NO_PAGES,
  rewrites: (file) => (isPage(file) ? sitePath(file) : file),
  cleanUrls: true,
  markdown: {
    anchor: { slugify },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (md) => {
      emptyHeads(md);
      repositoryLinks(md, { root, sources: address && `${address}/blob/main/` });
    },
  },
  // The index of the search holds every page, those of the API too, and is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 3000 } },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/guide/concepts', activeMatch: '^/guide/' },
      { text: 'Reference', link: '/reference/options', activeMatch: '^/reference/' },
      { text: 'Operations', link: '/operations/databases', activeMatch: '^/operations/' },
    ],
    sidebar: SIDEBAR,
    outline: [2, 3],
    search: { provider: 'local' },
    ...(address && { socialLinks: [{ icon: 'github', link: address }] }),
  },
});
