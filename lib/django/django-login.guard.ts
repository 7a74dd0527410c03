import { isUtf8 } from 'node:buffer';
import { Injectable, type ExecutionContext } from '@nestjs/common';
import { KnoxLoginGuard } from '../http/knox-login.guard.ts';
import { splitWords } from '../requests/authorization-header.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';

/**
 * The built-in login, for clients of Django REST framework: HTTP Basic that is not UTF-8 is read as Latin-1, as Python's
 * `requests` sends it; the header of the request is in UTF-8 from then on. Name the guard in `loginGuards`.
 *
 * @see BasicAuthentication.authenticate in rest_framework/authentication.py
 * @publicApi
 */
@Injectable()
export class DjangoLoginGuard extends KnoxLoginGuard {
  override canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Headers }>();
    headers.authorization = asUtf8(headers.authorization);
    return super.canActivate(context);
  }
}

type Headers = { -readonly [Name in keyof KnoxRequest['headers']]: KnoxRequest['headers'][Name] };

/** A header with Basic credentials in UTF-8, if they are in Latin-1; any other as it is. */
function asUtf8(header: Headers[string]): Headers[string] {
  if (typeof header !== 'string') return header;
  const [scheme = '', encoded, ...more] = splitWords(header);
  if (scheme.toLowerCase() !== 'basic' || encoded === undefined || more.length > 0) return header;
  const credentials = Buffer.from(encoded, 'base64');
  // Buffer skips what is not base64. Then leave the header to the built-in guard, which refuses it.
  if (isUtf8(credentials) || !/^[\w+/-]+={0,2}$/.test(encoded)) return header;
  return `${scheme} ${Buffer.from(credentials.toString('latin1')).toString('base64')}`;
}
