import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { DOCUMENTS, anchors, readDocument } from '../docs/markdown.ts';
import { isPage, sitePath } from '../../docs/.vitepress/pages.ts';
import { violations } from './axe.ts';
import { describeInBrowser, launch, newVisitor } from './browser.ts';
import { Site } from './site.ts';

// Many pages are opened.
jest.setTimeout(600_000);

/** What is in a page. */
interface Content {
  ids: string[];
  headings: string[];
  hrefs: string[];
}

const CONTENT = `({
  ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
  headings: [...document.querySelectorAll('.vp-doc :is(h1, h2, h3, h4)')].map(({ id }) => id),
  hrefs: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
})`;

const EXCESS = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

/** The pages of the API have one layout: the first one of each kind. */
function firstOfKind(paths: string[]): string[] {
  const kindOf = (path: string) =>
    /^\/reference\/api\/nestjs-knox\/[^/]*\//.exec(path)?.[0] ?? path;
  return [...new Map(paths.toReversed().map((path) => [kindOf(path), path])).values()];
}

/** What is wrong with how the page looks, light and dark. */
async function faultsOf(page: Page): Promise<string[]> {
  const faults = await violations(page);
  if ((await page.evaluate(EXCESS)) !== 0) faults.push('it has to be moved sideways');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForSelector('html.dark');
  // It has other colors.
  const inTheDark = await violations(page, ['color-contrast']);
  await page.emulateMedia({ colorScheme: 'light' });
  return [...faults, ...inTheDark.map((fault) => `in the dark: ${fault}`)];
}

describeInBrowser('The site of the documents', () => {
  let site: Site;
  let browser: Browser;
  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.build(), launch()]);
  });
  afterAll(async () => {
    await browser.close();
    await site.remove();
  });

  async function newPage(width: number): Promise<Page> {
    const viewport = { width, height: 800 };
    return (await newVisitor(browser, { viewport })).newPage();
  }

  it('is built without a warning', () => {
    expect(site.output).toContain('build complete');
    expect(site.output).not.toMatch(/warning|deprecat|\(!\)/i);
  });

  it('has a page for each document, with the anchors of the code host, and no dead link', async () => {
    // Its scripts are for search and looks.
    const page = await (await newVisitor(browser, { javaScriptEnabled: false })).newPage();
    const contents = new Map<string, Content>();
    for (const path of site.pages) {
      await page.goto(site.url + path);
      contents.set(path, await page.evaluate<Content>(CONTENT));
    }

    for (const document of DOCUMENTS.filter(isPage)) {
      const path = `/${sitePath(document).replace(/(index)?\.md$/, '')}`;
      const expected = anchors(readDocument(document));
      expect([path, contents.get(path)?.headings]).toEqual([path, expected]);
    }

    const isDead = (href: string): boolean => {
      const { origin, pathname, hash } = new URL(href);
      if (origin !== site.url) return false;
      const ids = contents.get(decodeURI(pathname))?.ids;
      return !ids || (hash !== '' && !ids.includes(decodeURIComponent(hash.slice(1))));
    };
    const links = [...contents].flatMap(([path, { hrefs }]) => hrefs.map((href) => [path, href]));
    expect(links.length).toBeGreaterThan(1000);
    expect(links.filter(([, href]) => isDead(href!))).toEqual([]);
  });

  describe.each([360, 1280])('at %i px', (width) => {
    it('can be read, without an error in the console or a violation that axe finds', async () => {
      const page = await newPage(width);
      const errors: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) errors.push(message.text());
      });
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('requestfailed', (request) => {
        const error = request.failure()?.errorText;
        // So ends the prefetch of a page that nobody goes to.
        if (error !== 'net::ERR_ABORTED') errors.push(`${request.url()}: ${error}`);
      });
      const faults: Record<string, string[]> = {};
      for (const path of firstOfKind(site.pages)) {
        await page.goto(site.url + path);
        // Its scripts have run.
        await page.waitForFunction(`'__vue_app__' in document.querySelector('#app')`);
        faults[path] = await faultsOf(page);
      }
      expect(Object.entries(faults).filter(([, found]) => found.length > 0)).toEqual([]);
      expect(errors).toEqual([]);
    });

    it('finds "revoke"', async () => {
      const page = await newPage(width);
      await page.goto(site.url, { waitUntil: 'networkidle' });
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('searchbox').fill('revoke');
      const first = page.getByRole('option').first();
      await first.waitFor();
      await first.click();
      await page.waitForURL((url) => url.pathname !== '/');
      await page.locator('.vp-doc', { hasText: /revoke/i }).waitFor();
    });
  });
});
