import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';

const FOLDER = fileURLToPath(new URL('../public', import.meta.url));

const HEADERS = {
  // Scripts, styles and connections of this origin alone; nobody may frame the page, or send its forms elsewhere.
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  // After a logout, the back button must not bring back what an earlier user has seen.
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * Serves the pages. They hold no data and need no token: what they show, they fetch. A link on another site opens them
 * without the cookie, since that is SameSite=Strict, but what the page fetches then has it.
 */
export function servePages(app: NestExpressApplication): void {
  app.use((_: unknown, response: { set(headers: object): void }, next: () => void) => {
    response.set(HEADERS);
    next();
  });
  app.useStaticAssets(FOLDER, { extensions: ['html'] });
}
