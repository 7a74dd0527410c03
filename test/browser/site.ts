import { execFile } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../docs/project.ts';

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The site of the documents, as `npm run docs` builds it, in a temporary folder, and a server of it. */
export class Site {
  readonly #folder: string;
  readonly #server: Server;
  /** What the build printed. */
  readonly output: string;

  private constructor(folder: string, output: string) {
    this.#folder = folder;
    this.output = output;
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url!, 'http://localhost');
      const file = this.#fileOf(decodeURI(pathname));
      if (file === undefined) response.writeHead(404).end();
      else {
        response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
        createReadStream(file).pipe(response);
      }
    });
  }

  static async build(): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-site-'));
    const { stdout, stderr } = await promisify(execFile)(
      'npm',
      ['run', 'docs', '--', '--outDir', folder],
      { cwd: ROOT, env: { ...process.env, NO_COLOR: '1' } },
    );
    const site = new Site(folder, stdout + stderr);
    await new Promise<void>((resolve) => site.#server.listen(0, '127.0.0.1', resolve));
    return site;
  }

  /** Without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** The paths of all pages: '/guide/roles', and '/' for index.html. */
  get pages(): string[] {
    return readdirSync(this.#folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.html') && path !== '404.html')
      .map((path) => `/${path}`.replace(/(?<=\/)index\.html$|\.html$/, ''))
      .sort();
  }

  async remove(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** '/guide/roles' is guide/roles.html. */
  #fileOf(path: string): string | undefined {
    return [path, `${path}.html`, join(path, 'index.html')]
      .map((name) => join(this.#folder, name))
      .find((file) => existsSync(file) && statSync(file).isFile());
  }
}
