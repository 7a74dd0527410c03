import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../docs/project.ts';
import { violations } from './axe.ts';
import { describeInBrowser, launch, newVisitor, signIn } from './browser.ts';
import { ADA, Sample } from './sample.ts';

/** The folder for the pictures that docs/guide/browsers.md shows: SCREENSHOTS=docs/images npm run test:browser -- appearance */
const { SCREENSHOTS } = process.env;

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1';
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';

const VIEWS = [360, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
);

/** Checks that the page can be read, and need not be moved sideways. */
async function expectReadable(page: Page, state: string): Promise<void> {
  expect([state, await violations(page)]).toEqual([state, []]);
  const excess = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect([state, excess]).toEqual([state, 0]);
}

describeInBrowser('The pages of sample/04-browser', () => {
  let sample: Sample;
  let browser: Browser;
  beforeAll(async () => {
    [sample, browser] = await Promise.all([Sample.start(), launch()]);
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await sample.query('DELETE FROM "knox_auth_token"');
  });
  afterAll(async () => {
    await browser.close();
    await sample.stop();
  });

  const login = async (name: string, userAgent: string) => {
    const headers = { 'user-agent': userAgent };
    await sample.client.post('/auth/login', { body: { ...ADA, name }, headers });
  };

  /** Makes the session older than it is, and has it come from elsewhere. */
  const age = (name: string, hours: number, usedHours: number) =>
    sample.query(
      `UPDATE "knox_auth_token" SET "ip" = '203.0.113.0', "last_used" = "created" - ${usedHours * 3_600_000},
        "created" = "created" - ${hours * 3_600_000} WHERE "name" = '${name}'`,
    );

  describe.each(VIEWS)('at $width px, $colorScheme', ({ width, colorScheme }) => {
    async function open(): Promise<Page> {
      const viewport = { width, height: 800 };
      return (await newVisitor(browser, { viewport, colorScheme })).newPage();
    }

    it('have no violation that axe finds, whatever they show', async () => {
      const page = await open();
      await page.goto(`${sample.url}/sign-in`);
      await expectReadable(page, 'sign-in');
      await page.getByLabel('Username').fill(ADA.username);
      await page.getByLabel('Password').fill('wrong horse');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('Username or password is wrong.').waitFor();
      await expectReadable(page, 'wrong password');

      await signIn(page, sample.url, 'laptop');
      await expectReadable(page, 'account');
      await login(`phone-${'x'.repeat(90)}`, IPHONE);
      await page.getByRole('heading', { name: 'phone-' }).waitFor();
      await page.getByRole('button', { name: 'Rename phone-' }).click();
      await expectReadable(page, 'renaming, with a name as long as any');

      await sample.query('UPDATE "knox_auth_token" SET "created" = 0, "authenticated" = NULL');
      await page.getByLabel('New password').fill('battery staple');
      await page.getByRole('button', { name: 'Change password' }).click();
      await page.getByRole('dialog').waitFor();
      await expectReadable(page, 'reauthentication');

      await sample.query('DELETE FROM "knox_auth_token"');
      await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
      await expectReadable(page, 'ended');
    });

    it('have a picture', async () => {
      await login('Office', WINDOWS);
      await age('Office', 24 * 20, 3);
      const page = await open();
      await signIn(page, sample.url, 'Laptop');
      await login('Library', WINDOWS);
      await page.getByRole('button', { name: 'Sign out Library' }).click();
      await page.getByText('A device was signed out').waitFor();
      await login('Phone', IPHONE);
      await page.getByRole('heading', { name: 'Phone' }).waitFor();
      await page.mouse.move(0, 0);
      await page.evaluate(`document.querySelector('#status').textContent = ''`);
      if (SCREENSHOTS) mkdirSync(join(ROOT, SCREENSHOTS), { recursive: true });
      const picture = await page.screenshot({
        fullPage: true,
        ...(SCREENSHOTS && {
          path: join(ROOT, SCREENSHOTS, `browser-${width}-${colorScheme}.png`),
        }),
      });
      // The width in the header of a PNG file.
      expect(picture.readUInt32BE(16)).toBe(width);
    });
  });
});
