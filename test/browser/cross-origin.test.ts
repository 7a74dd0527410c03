import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WsAdapter } from '@nestjs/platform-ws';
import type { Browser, Page } from 'playwright-core';
import { startApp, type TestApp } from '../support/app.ts';
import { MeGateway } from '../support/me-gateway.ts';
import { describeInBrowser, launch, newVisitor, openAccount } from './browser.ts';
import { OTHER_HOST, OtherPage, RESOLVE_OTHER_HOST } from './other-page.ts';
import { ADA, Sample } from './sample.ts';

/** Another port is another origin of the same site, so that the cookie is sent along. */
const ATTACKERS = [
  ['on another port', 'localhost', { status: 403, code: 'cross_origin' }],
  ['on another host', OTHER_HOST, { status: 401, code: 'not_authenticated' }],
] as const;

const LOGIN = JSON.stringify({ ...ADA, username: 'mallory' });

/** Submits a form, which takes the visitor along. Gives what the app has answered. */
async function submit(
  page: Page,
  action: string,
  fields: Record<string, string> = {},
  enctype = 'application/x-www-form-urlencoded',
): Promise<{ status: number; code: unknown }> {
  const { pathname } = new URL(action);
  const answered = page.waitForResponse(
    (response) =>
      new URL(response.url()).pathname === pathname && response.request().method() === 'POST',
  );
  await page.evaluate(
    `(([action, enctype, fields]) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action, enctype });
      for (const [name, value] of fields) {
        form.append(Object.assign(document.createElement('input'), { name, value }));
      }
      document.body.append(form);
      form.submit();
    })(${JSON.stringify([action, enctype, Object.entries(fields)])})`,
  );
  const answer = await answered;
  const { code } = (await answer.json()) as { code?: unknown };
  return { status: answer.status(), code };
}

describeInBrowser('A page of another origin', () => {
  let browser: Browser;
  let other: OtherPage;
  beforeAll(async () => {
    [browser, other] = await Promise.all([launch(RESOLVE_OTHER_HOST), OtherPage.start()]);
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  afterAll(async () => {
    await browser.close();
    await other.stop();
  });

  describe('and sample/04-browser', () => {
    let sample: Sample;
    beforeAll(async () => {
      sample = await Sample.start();
      // Mallory has the password of Ada.
      await sample.query(
        `INSERT INTO "users" ("username", "passwordHash") SELECT 'mallory', "passwordHash" FROM "users"`,
      );
    });
    afterEach(() => sample.query('DELETE FROM "knox_auth_token"'));
    afterAll(() => sample.stop());

    /** Signs Ada in, and opens the other page in the same browser. */
    async function visit(host: string): Promise<{ account: Page; attack: Page; intact: Intact }> {
      const account = await openAccount(browser, sample.url, 'laptop');
      const context = account.context();
      const [cookie] = await context.cookies();
      const value = cookie?.value ?? '';
      const attack = await context.newPage();
      await attack.goto(other.urlAt(host));
      return {
        account,
        attack,
        intact: async () => {
          expect(await sample.sessions()).toEqual(['laptop']);
          expect(await context.cookies()).toMatchObject([{ name: 'session', value }]);
          await account.reload();
          await account.getByText('Signed in as ada').waitFor();
        },
      };
    }
    type Intact = () => Promise<void>;

    describe.each(ATTACKERS)('%s', (_, host, refusal) => {
      it('signs nobody out with a form', async () => {
        const { attack, intact } = await visit(host);
        for (const path of ['/auth/logout', '/auth/logoutall']) {
          expect([path, await submit(attack, sample.url + path)]).toEqual([path, refusal]);
          await attack.goto(other.urlAt(host));
        }
        await intact();
      });

      it('signs no visitor in as somebody else, with any kind of form', async () => {
        const { attack, intact } = await visit(host);
        const login = `${sample.url}/auth/login`;
        // The server would see JSON: the field's name is all but its end.
        const json = { [LOGIN.replace(/\}$/, ',"x":"')]: '"}' };
        const withCredentials = login.replace('//', '//mallory:correct%20horse@');
        for (const form of [
          [login, { ...ADA, username: 'mallory' }],
          [login, json, 'text/plain'],
          [withCredentials],
        ] as const) {
          const [action, fields, enctype] = form;
          const answer = await submit(attack, action, fields, enctype);
          expect(answer).toEqual({ status: 403, code: 'cross_origin' });
          await attack.goto(other.urlAt(host));
        }
        await intact();
        await attack.context().clearCookies();
        await submit(attack, withCredentials);
        expect(await attack.context().cookies()).toEqual([]);
      });

      it('gets nothing by fetch, and changes nothing', async () => {
        const { attack, intact } = await visit(host);
        const requests = [
          ['GET', '/auth/sessions'],
          ['GET', '/account'],
          ['POST', '/auth/logout'],
          ['DELETE', '/auth/sessions'],
          ['PUT', '/account/password', JSON.stringify({ password: 'known to Mallory' })],
          ['POST', '/auth/login', LOGIN],
        ];
        const got = await attack.evaluate<string[]>(
          `Promise.all(${JSON.stringify(requests)}.flatMap(([method, path, body]) =>
            ['cors', 'no-cors'].map((mode) =>
              fetch(${JSON.stringify(sample.url)} + path, { method, body, mode, credentials: 'include' })
                .then(async (answer) => answer.type + (await answer.text()), () => 'blocked'))))`,
        );
        expect(got).toHaveLength(2 * requests.length);
        expect(got.filter((one) => one !== 'blocked' && one !== 'opaque')).toEqual([]);
        await intact();
      });

      it('does not follow the activity', async () => {
        const { account, attack, intact } = await visit(host);
        const event = attack.evaluate<string>(
          `new Promise((resolve) => {
            const source = new EventSource(${JSON.stringify(`${sample.url}/account/activity`)}, { withCredentials: true });
            for (const type of ['open', 'message', 'error']) source.addEventListener(type, () => resolve(type));
          })`,
        );
        await account.getByRole('button', { name: 'Rename laptop' }).click();
        expect(await event).toBe('error');
        await intact();
      });
    });
  });

  describe('and a WebSocket', () => {
    let test: TestApp;
    let url: string;
    beforeAll(async () => {
      test = await startApp({
        providers: [MeGateway],
        knox: { cookie: { secure: false } },
        configure: (app) => {
          app.useWebSocketAdapter(new WsAdapter(app));
        },
      });
      url = test.client.url.replace('127.0.0.1', 'localhost');
    });
    afterAll(() => test.close());

    /** What a socket answers that a page of the signed-in visitor opens. */
    async function ask(page: string): Promise<unknown> {
      const context = await newVisitor(browser);
      const { token } = await test.tokens.create(test.john);
      const cookie = { name: 'session', value: token, url, httpOnly: true, sameSite: 'Strict' };
      await context.addCookies([cookie as Parameters<typeof context.addCookies>[0][number]]);
      const opened = await context.newPage();
      await opened.goto(page);
      const answer = await opened.evaluate<string>(
        `new Promise((resolve) => {
          const socket = new WebSocket(${JSON.stringify(url.replace('http', 'ws'))});
          socket.onopen = () => socket.send('{"event":"me","data":{"number":1}}');
          socket.onmessage = ({ data }) => resolve(data);
          socket.onerror = () => resolve('{}');
        })`,
      );
      return JSON.parse(answer);
    }

    it('opens for the page of its own origin', async () => {
      expect(await ask(`${url}/me`)).toMatchObject({ data: { number: 1, status: 200 } });
    });

    it.each(ATTACKERS)('gives nothing to a page %s', async (_, host, { status, code }) => {
      expect(await ask(other.urlAt(host))).toMatchObject({ data: { status, body: { code } } });
    });
  });
});
