import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { pollFor } from '../support/polling.ts';
import { describeInBrowser, launch, newVisitor, openAccount } from './browser.ts';
import { ADA, Sample } from './sample.ts';

/** How long a page may go on showing what has ended, by docs/guide/graphql-and-sockets.md. */
const NOTICED_MS = 5_000;

describeInBrowser('sample/04-browser', () => {
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

  const open = (device: string) => openAccount(browser, sample.url, device);
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
  const newName = (page: Page) => page.getByRole('textbox', { name: 'New name' });
  const heading = (page: Page, name: string) => page.getByRole('heading', { name });
  const device = (page: Page, name: string) =>
    page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) });
  const status = (page: Page, text: string) =>
    page.getByRole('status').filter({ hasText: text }).waitFor();
  const focused = (page: Page) =>
    page.evaluate<string>('document.activeElement.innerText || document.activeElement.id');

  /** Waits until the page says that the session has ended, and checks that nothing else is left in it. */
  async function expectEnded(page: Page, timeout?: number): Promise<void> {
    await heading(page, 'You are signed out').waitFor(timeout === undefined ? {} : { timeout });
    expect(await page.content()).not.toContain('ada');
    expect(await page.getByRole('button').count()).toBe(0);
    expect(await focused(page)).toBe('You are signed out');
  }

  async function makeStale(): Promise<void> {
    await sample.query(
      `UPDATE "knox_auth_token" SET "created" = "created" - 301000, "authenticated" = NULL`,
    );
  }

  it('keeps the token in a cookie that no script can read', async () => {
    const page = await open('laptop');
    const [cookie, ...others] = await page.context().cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({
      name: 'session',
      domain: 'localhost',
      path: '/',
      httpOnly: true,
      secure: false,
      sameSite: 'Strict',
    });
    const days = (cookie!.expires - Date.now() / 1_000) / 86_400;
    expect(Math.round(days)).toBe(30);
    expect(await page.evaluate('document.cookie')).toBe('');
    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }])',
    );
    expect(kept).toBe('[{},{}]');
  });

  it('says when the password is wrong, and lets the visitor try again', async () => {
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(`${sample.url}/`);
    await heading(page, 'Sign in').waitFor();
    await page.getByLabel('Username').fill(ADA.username);
    await page.getByLabel('Password').fill('wrong horse');
    await button(page, 'Sign in').click();
    await page.getByRole('alert').filter({ hasText: 'Username or password is wrong.' }).waitFor();
    expect(await page.context().cookies()).toEqual([]);
    await page.getByLabel('Password').fill(ADA.password);
    await button(page, 'Sign in').click();
    await device(page, 'Chrome on Linux').getByText('This device').waitFor();
  });

  it('shows nothing private when one goes back after signing out', async () => {
    const page = await open('laptop');
    await button(page, 'Sign out').click();
    await status(page, 'You have signed out.');
    expect(await page.context().cookies()).toEqual([]);
    const seen: string[] = [];
    page.on('response', (response) => {
      void response.text().then(
        (text) => seen.push(text),
        () => {},
      );
    });
    await page.goBack({ waitUntil: 'commit' });
    await heading(page, 'Sign in').waitFor();
    expect(await page.content()).not.toContain('laptop');
    expect(seen.filter((text) => text.includes('laptop'))).toEqual([]);
  });

  it('shows in the other tab that one has signed out in this one', async () => {
    const page = await open('laptop');
    const other = await page.context().newPage();
    await other.goto(sample.url);
    await other.getByText('Live', { exact: true }).waitFor();
    await button(page, 'Sign out').click();
    await expectEnded(other, NOTICED_MS);
  });

  it('ends the page of a session that is ended on another device', async () => {
    const laptop = await open('laptop');
    const phone = await open('phone');
    await laptop.getByText('phone signed in.').waitFor();
    await button(laptop, 'Sign out phone').click();
    await expectEnded(phone, NOTICED_MS);
    await status(laptop, 'phone is signed out.');
    expect(await device(laptop, 'phone').count()).toBe(0);
    await laptop.getByText('A device was signed out.').waitFor();
    expect(await sample.sessions()).toEqual(['laptop']);
  });

  it('ends the page of a session whose row another program deletes', async () => {
    const page = await open('laptop');
    await sample.query('DELETE FROM "knox_auth_token"');
    await expectEnded(page, NOTICED_MS);
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await heading(page, 'Sign in').waitFor();
  });

  it('tells of a session that has ended, when the stream could not', async () => {
    const page = await open('laptop');
    await page.route('**/account/activity', (route) => route.abort());
    await page.reload();
    await heading(page, 'Devices').waitFor();
    await sample.query('DELETE FROM "knox_auth_token"');
    await button(page, 'Rename laptop').click();
    await newName(page).fill('desk');
    await button(page, 'Save').click();
    await expectEnded(page);
  });

  it('renames a device, and shows the name everywhere', async () => {
    const laptop = await open('laptop');
    const phone = await open('phone');
    await button(phone, 'Rename laptop').click();
    await newName(phone).fill('<b>desk & chair</b>');
    await button(phone, 'Save').click();
    await status(phone, 'The device is called <b>desk & chair</b> now.');
    expect(await focused(phone)).toContain('Rename');
    await laptop.reload();
    await device(laptop, '<b>desk & chair</b>').getByText('This device').waitFor();
  });

  it('goes on when what is being renamed has changed meanwhile', async () => {
    const laptop = await open('laptop');
    await button(laptop, 'Rename laptop').click();
    await newName(laptop).fill('a long na');
    await open('phone');
    await device(laptop, 'phone').waitFor();
    expect(await newName(laptop).inputValue()).toBe('a long na');
    await laptop.keyboard.press('Escape');
    await device(laptop, 'laptop').waitFor();
    expect(await focused(laptop)).toContain('Rename');
  });

  it('ends all other sessions, and not this one', async () => {
    const laptop = await open('laptop');
    const others = [await open('phone'), await open('tablet')];
    await device(laptop, 'tablet').waitFor();
    await button(laptop, 'Sign out all other devices').click();
    await status(laptop, '2 devices are signed out.');
    for (const page of others) await expectEnded(page, NOTICED_MS);
    expect(await sample.sessions()).toEqual(['laptop']);
    expect(await button(laptop, 'Sign out all other devices').count()).toBe(0);
    await laptop.reload();
    await heading(laptop, 'Devices').waitFor();
  });

  it('asks for the password before it is changed, if the sign-in is some time ago', async () => {
    const laptop = await open('laptop');
    const phone = await open('phone');
    await makeStale();
    const before = await tokenOf(laptop.context());
    const [user] = await sample.query('SELECT "passwordHash" FROM "users"');
    await laptop.getByLabel('New password').fill('battery staple');
    await button(laptop, 'Change password').click();
    const dialog = laptop.getByRole('dialog', { name: 'Is it you?' });
    await dialog.getByLabel('Current password').fill('wrong horse');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await dialog
      .getByRole('alert')
      .filter({ hasText: 'This is not your current password.' })
      .waitFor();
    expect(await tokenOf(laptop.context())).toBe(before);
    await dialog.getByLabel('Current password').fill(ADA.password);
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await status(laptop, 'Your password is changed.');
    try {
      await expectEnded(phone, NOTICED_MS);
      expect(await tokenOf(laptop.context())).not.toBe(before);
      await laptop.getByText('Live', { exact: true }).waitFor();
      await device(laptop, 'laptop').getByText('This device').waitFor();
      const login = (password: string) =>
        sample.client.post('/auth/login', { body: { ...ADA, password } });
      expect((await login(ADA.password)).status).toBe(401);
      expect((await login('battery staple')).status).toBe(200);
      // A minute after it was proved, it is not asked for.
      await laptop.getByLabel('New password').fill(ADA.password);
      await button(laptop, 'Change password').click();
      await pollFor(
        async () => (await login(ADA.password)).status,
        (found) => found === 200,
        10_000,
      );
      expect(await dialog.count()).toBe(0);
    } finally {
      await sample.query(`UPDATE "users" SET "passwordHash" = '${String(user!.passwordHash)}'`);
    }
  });

  it('stays open in the other tab when one confirms the password in this one', async () => {
    const page = await open('laptop');
    const other = await page.context().newPage();
    await other.goto(sample.url);
    await other.getByText('Live', { exact: true }).waitFor();
    await makeStale();
    await page.getByLabel('New password').fill(ADA.password);
    await button(page, 'Change password').click();
    await page.getByLabel('Current password').fill(ADA.password);
    await button(page, 'Confirm').click();
    await status(page, 'Your password is changed.');
    await open('phone');
    await device(other, 'phone').waitFor();
    expect(await heading(other, 'You are signed out').count()).toBe(0);
  });

  it('works with the keyboard alone, from the sign-in to the end of a session', async () => {
    await open('phone');
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(`${sample.url}/sign-in`);
    const { keyboard } = page;
    const tabTo = async (name: string) => {
      for (let steps = 0; steps < 20; steps++) {
        if ((await focused(page)).replace(/\s+/g, ' ').trim() === name) return;
        await keyboard.press('Tab');
      }
      throw new Error(`No Tab leads to "${name}".`);
    };
    // The first field has the focus.
    await keyboard.type(ADA.username);
    await keyboard.press('Tab');
    await keyboard.type(ADA.password);
    await keyboard.press('Enter');
    await heading(page, 'Your account').waitFor();
    await tabTo('Rename phone');
    await keyboard.press('Enter');
    await keyboard.type('lost phone');
    await keyboard.press('Enter');
    await status(page, 'The device is called lost phone now.');
    await tabTo('Sign out lost phone');
    await keyboard.press('Space');
    await status(page, 'lost phone is signed out.');
    expect(await sample.sessions()).toEqual(['Chrome on Linux']);
    expect(await focused(page)).toBe('Devices');
  });

  it('lets nothing but its own scripts run, and nobody frame it', async () => {
    const page = await open('laptop');
    // As an attacker who can write into the page would try.
    for (const inject of [
      "const script = document.createElement('script'); script.append('hasRun = true'); document.body.append(script)",
      "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"hasRun = true\">')",
      "document.body.setAttribute('onclick', 'hasRun = true'); document.body.click()",
    ]) {
      await page.evaluate(`(() => { try { ${inject} } catch {} })()`);
    }
    await page.waitForTimeout(200);
    expect(await page.evaluate('typeof hasRun')).toBe('undefined');
    const framing = await page.context().newPage();
    await framing.route('http://localhost:1/', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<iframe src="${sample.url}/"></iframe>` }),
    );
    await framing.goto('http://localhost:1/');
    const [frame] = framing.frames().slice(1);
    expect(frame!.url()).toMatch(/^chrome-error:/);
  });
});

async function tokenOf(context: BrowserContext): Promise<string | undefined> {
  const cookies = await context.cookies();
  return cookies.find(({ name }) => name === 'session')?.value;
}
