import { jest } from '@jest/globals';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { describeWithPrograms, findProgram } from '../support/programs.ts';
import { ADA } from './sample.ts';

/** How long a browser may take for a step, in milliseconds: others may be using the machine. */
const PATIENCE_MS = 20_000;

jest.setTimeout(4 * PATIENCE_MS);

const PROGRAMS = ['chromium', 'google-chrome'];

/** A suite in a real Chromium. Without one it is left out; in CI that is a failure. */
export function describeInBrowser(title: string, suite: () => void, needs: string[] = []): void {
  describeWithPrograms(title, [PROGRAMS.join(' or '), ...needs], suite);
}

/** @param args more arguments for Chromium */
export function launch(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAMS.map(findProgram).find((path) => path !== undefined)!,
    args: ['--headless', '--no-sandbox', '--disable-gpu', ...args],
    // A visitor's browser may keep pages in memory for the back button.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
}

/** The profile of a visitor: with cookies, a cache and a history of its own. */
export async function newVisitor(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Signs in on the page of the sample, and waits for the account. */
export async function signIn(page: Page, url: string, device: string): Promise<void> {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('Username').fill(ADA.username);
  await page.getByLabel('Password').fill(ADA.password);
  await page.getByLabel('Name of this device').fill(device);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
}

/** Opens a page of a visitor of its own, who signs in. */
export async function openAccount(browser: Browser, url: string, device: string): Promise<Page> {
  const page = await (await newVisitor(browser)).newPage();
  await signIn(page, url, device);
  return page;
}
