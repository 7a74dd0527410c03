import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { COOKIE_NAME } from '../support/cookies.ts';
import { describeInBrowser, launch, newVisitor, signIn } from './browser.ts';
import { Sample } from './sample.ts';

/** A certificate that nobody has signed. */
function makeCertificate(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const ends = ['-days', '1', '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...ends], { stdio: 'ignore' });
  const read = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return read;
}

/** Serves an application over TLS, as a proxy in front of it does. */
async function startTlsProxy(port: string): Promise<Server> {
  const proxy = createServer(makeCertificate(), (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const asked = request({ port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    asked.on('error', () => outgoing.destroy());
    outgoing.on('close', () => asked.destroy());
    incoming.pipe(asked);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

describeInBrowser(
  'sample/04-browser over https, with the cookie of production',
  () => {
    let sample: Sample;
    let proxy: Server;
    let browser: Browser;
    let url: string;
    beforeAll(async () => {
      [sample, browser] = await Promise.all([Sample.start({ NODE_ENV: 'production' }), launch()]);
      proxy = await startTlsProxy(sample.port);
      url = `https://localhost:${String((proxy.address() as AddressInfo).port)}`;
    });
    afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
    afterAll(async () => {
      await browser.close();
      proxy.close();
      proxy.closeAllConnections();
      await sample.stop();
    });

    async function open(): Promise<Page> {
      return (await newVisitor(browser, { ignoreHTTPSErrors: true })).newPage();
    }

    it('is accepted by the browser, kept from scripts, and forgotten at the logout', async () => {
      const page = await open();
      await signIn(page, url, 'laptop');
      expect(await page.context().cookies()).toEqual([
        expect.objectContaining({
          name: COOKIE_NAME,
          domain: 'localhost',
          path: '/',
          httpOnly: true,
          secure: true,
          sameSite: 'Strict',
        }),
      ]);
      expect(await page.evaluate('document.cookie')).toBe('');
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.getByText('You have signed out.').waitFor();
      expect(await page.context().cookies()).toEqual([]);
      expect(await sample.sessions()).toEqual([]);
    });

    it('cannot be set by a script of the page', async () => {
      const page = await open();
      await page.goto(`${url}/sign-in`);
      await page.evaluate(`document.cookie = 'other=1; Secure; Path=/'`);
      await page.evaluate(`document.cookie = '${COOKIE_NAME}=chosen; Secure; Path=/'`);
      expect(await page.evaluate('document.cookie')).toBe('other=1');
    });
  },
  ['openssl'],
);
