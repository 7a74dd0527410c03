import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { DOCUMENTS, anchors, readDocument } from '../docs/markdown.ts';
import { isPage, sitePath } from '../../docs/.vitepress/pages.ts';
import { violations } from './axe.ts';
import { describeInBrowser, launch, newVisitor } from './browser.ts';
import { Site } from './site.ts';

// Each test opens every page.
jest.setTimeout(600_000);

describeInBrowser('The site of the documents', () => {
  let site: Site;
  let browser: Browser;
  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.build(), launch()]);
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  afterAll(async () => {
    await browser.close();
    await site.remove();
  });

  it('is built without a warning', () => {
    expect(site.output).toContain('build complete');
    expect(site.output).not.toMatch(/warning|deprecat|\(!\)/i);
  });

  it('has a page for each document', () => {
    const pages = DOCUMENTS.filter(isPage).map((path) =>
      `/${sitePath(path)}`.replace(/(?<=\/)index\.md$|\.md$/, ''),
    );
    expect(pages.filter((page) => !site.pages.includes(page))).toEqual([]);
  });

  it('has no dead link', async () => {
    const page = await (await newVisitor(browser)).newPage();
    const ids = new Map<string, Set<string>>();
    const links: [from: string, to: string][] = [];
    for (const path of site.pages) {
      await page.goto(site.url + path);
      const seen = await page.evaluate<{ ids: string[]; hrefs: string[] }>(`({
        ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
        hrefs: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
      })`);
      ids.set(path, new Set(seen.ids));
      links.push(...seen.hrefs.map((href): [string, string] => [path, href]));
    }
    const dead = links.filter(([, href]) => {
      const { origin, pathname, hash } = new URL(href);
      if (origin !== site.url) return false;
      const there = ids.get(decodeURI(pathname));
      return !there || (hash !== '' && !there.has(decodeURIComponent(hash.slice(1))));
    });
    expect(links.length).toBeGreaterThan(1000);
    expect(dead).toEqual([]);
  });

  it('has the anchors of the code host', async () => {
    const page = await (await newVisitor(browser)).newPage();
    for (const document of DOCUMENTS.filter(isPage)) {
      await page.goto(`${site.url}/${sitePath(document).replace(/(index)?\.md$/, '')}`);
      const ids = await page.evaluate(
        `[...document.querySelectorAll('.vp-doc :is(h1, h2, h3, h4)')].map(({ id }) => id)`,
      );
      expect([document, ids]).toEqual([document, anchors(readDocument(document))]);
    }
  });

  describe.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('at %i px, %s', (width, colorScheme) => {
    async function open(): Promise<Page> {
      const viewport = { width, height: 800 };
      const visitor = await newVisitor(browser, { viewport, colorScheme });
      return visitor.newPage();
    }

    it('can be read, without an error in the console or a violation that axe finds', async () => {
      const page = await open();
      const faults: string[] = [];
      const errors: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) errors.push(message.text());
      });
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('requestfailed', (request) => errors.push(request.url()));

      // The pages of the API have one layout: one of each kind will do.
      const isRepeated = (path: string) => path.startsWith('/reference/api/nestjs-knox/');
      const kinds = new Map(
        site.pages.filter(isRepeated).map((path) => [path.split('/')[4], path]),
      );
      for (const path of [...site.pages.filter((one) => !isRepeated(one)), ...kinds.values()]) {
        await page.goto(site.url + path, { waitUntil: 'networkidle' });
        faults.push(...(await violations(page)).map((violation) => `${path}: ${violation}`));
        const excess = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        if (excess !== 0) faults.push(`${path}: it has to be moved sideways`);
      }
      expect([...faults, ...errors]).toEqual([]);
    });

    it('finds "revoke"', async () => {
      const page = await open();
      await page.goto(site.url, { waitUntil: 'networkidle' });
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('searchbox').fill('revoke');
      const first = page.getByRole('option').first();
      await first.waitFor();
      await first.click();
      await page.waitForURL((url) => url.pathname !== '/');
      expect(await page.locator('.vp-doc').textContent()).toMatch(/revoke/i);
    });
  });
});
