import type { CookieSettings } from '../options/cookie.options.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { passesOriginCheck } from '../requests/origin.check.ts';
import {
  clearedCookie,
  parseTokenCookie,
  tokenCookie,
  type CookieToken,
} from '../requests/token-cookie.ts';
import { KnoxForbiddenException } from '../service/knox.exceptions.ts';
import type { KnoxResponse } from './execution-context.ts';
import { setCookie } from './set-cookie.ts';

/** Reads the token of a request from the realm's cookie, and gives it to browsers there. */
export class CookieTransport {
  readonly settings: CookieSettings;

  constructor(settings: CookieSettings) {
    this.settings = settings;
  }

  read(request: KnoxRequest): CookieToken {
    return parseTokenCookie(request, this.settings.name);
  }

  /** @throws KnoxForbiddenException `cross_origin` */
  checkOrigin(request: KnoxRequest): void {
    if (!this.#passes(request)) throw new KnoxForbiddenException('cross_origin');
  }

  /** @param expiry that of the token */
  issue(response: Partial<KnoxResponse>, token: string, expiry: Date | null): void {
    const { name, persistent } = this.settings;
    const ttl = expiry === null ? Number.POSITIVE_INFINITY : expiry.getTime() - Date.now();
    setCookie(response, name, tokenCookie(this.settings, token, persistent ? ttl : null));
  }

  /** The expiry of the token has moved. A cookie that is kept until the browser is closed needs no other. */
  renew(response: Partial<KnoxResponse>, token: string, expiry: Date | null): void {
    if (this.settings.persistent) this.issue(response, token, expiry);
  }

  /** Has the browser forget the cookie, but not because a page of another origin wants it to. */
  clear(request: KnoxRequest, response: Partial<KnoxResponse>): void {
    if (this.#passes(request)) {
      setCookie(response, this.settings.name, clearedCookie(this.settings));
    }
  }

  #passes(request: KnoxRequest): boolean {
    return passesOriginCheck(request, this.settings.trustedOrigins);
  }
}
