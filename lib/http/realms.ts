import type { ExecutionContext } from '@nestjs/common';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { TokenService } from '../service/token.service.ts';
import type { LoginFlow } from './login.flow.ts';
import type { LoginGuards } from './login-guards.ts';
import { realmNamesAt, realmNamesOf, type RealmNames } from './realm.decorator.ts';
import type { RequestAuthenticator } from './request-authenticator.ts';

/** What a KnoxModule has for the guards and controllers of the application. */
export interface RealmParts {
  readonly name: string;
  readonly requests: RequestAuthenticator;
  readonly logins: LoginFlow;
  readonly loginGuards: LoginGuards;
  readonly service: TokenService;
}

/** The realms that a handler asks: one, or several that are told apart by the token. */
export type AskedRealms = readonly [RealmParts, ...RealmParts[]];

const NO_HEXADECIMAL = /[^0-9a-f]/i;

/**
 * All realms of an application, of which each KnoxModule adds its own. Guards and controllers live in modules of the
 * application, where each KnoxModule's providers would be those of the one that is imported first; so they ask here.
 */
export class Realms {
  readonly #realms = new Map<string, RealmParts>();
  readonly #asked = new Map<RealmNames, AskedRealms>();
  readonly #controllers = new WeakMap<object, RealmParts>();

  get all(): RealmParts[] {
    return [...this.#realms.values()];
  }

  /** @throws KnoxConfigError if its tokens, or its cookies, cannot be told from those of another realm */
  add(realm: RealmParts): void {
    for (const other of this.all) {
      if (other.name === realm.name) continue;
      checkPrefixes(other, realm);
      checkCookies(other, realm);
    }
    this.#realms.set(realm.name, realm);
  }

  /**
   * The realms that the handler of this context asks.
   *
   * @throws KnoxConfigError if `@Realm()` names one that there is not
   */
  at(context: ExecutionContext): AskedRealms {
    return this.named(realmNamesAt(context));
  }

  /**
   * The one realm of a login.
   *
   * @throws KnoxConfigError also if `@Realm()` names several
   */
  loginAt(context: ExecutionContext): RealmParts {
    return this.login(realmNamesAt(context), context.getClass());
  }

  /** The same for a login route that is declared in this class. */
  login(list: RealmNames, { name }: { readonly name: string }): RealmParts {
    const [realm, ...more] = this.named(list);
    if (more.length === 0) return realm;
    throw new KnoxConfigError(
      'realm',
      `@Realm() names several realms, but ${name} works with the tokens of one; name one.`,
    );
  }

  /**
   * The one realm of a controller of the package.
   *
   * @throws KnoxConfigError also if `@Realm()` names several
   */
  ofController(type: { readonly name: string }): RealmParts {
    let realm = this.#controllers.get(type);
    if (!realm) this.#controllers.set(type, (realm = this.login(realmNamesOf(type), type)));
    return realm;
  }

  /** @throws KnoxConfigError if one of these names is that of no realm */
  named(list: RealmNames): AskedRealms {
    let asked = this.#asked.get(list);
    if (!asked) this.#asked.set(list, (asked = this.#find(list)));
    return asked;
  }

  /** Whether the prefix of this token tells that it belongs to another realm than this one. */
  isOfAnother(token: string, name: string): boolean {
    if (this.#realms.size === 1) return false;
    let owner: RealmParts | undefined;
    for (const realm of this.#realms.values()) owner = longerPrefix(token, owner, realm);
    return owner !== undefined && owner.name !== name;
  }

  #find({ names }: RealmNames): AskedRealms {
    const found = names.map((name) => this.#realms.get(name) ?? this.#failAt(name));
    const [first, ...more] = found;
    if (first) return [first, ...more];
    throw new KnoxConfigError('realm', "@Realm() names no realm; write @Realm('staff').");
  }

  #failAt(name: string): never {
    const known = [...this.#realms.keys()].map((one) => `'${one}'`).join(', ');
    throw new KnoxConfigError(
      'realm',
      `no KnoxModule has the realm ${JSON.stringify(name)}, which @Realm() names, or which counts without it; there ` +
        `are ${known}. Name one of these in @Realm(), or import KnoxModule.forRoot({ realm: … }).`,
    );
  }
}

/**
 * The realm that a request is for, told by its token, or by the first cookie of a realm; each realm reads them by its own
 * settings. Without a token, it is the first. A request that cannot be read is for the realm that cannot read it, which
 * will say why.
 *
 * @param scope as for `RequestAuthenticator.authenticate`
 */
export async function realmOf(
  request: KnoxRequest,
  scope: object,
  asked: AskedRealms,
): Promise<RealmParts> {
  const readers: RealmParts[] = [];
  let owner: RealmParts | undefined;
  for (const realm of asked) {
    try {
      const token = await realm.requests.extractToken(request, scope);
      if (token === null) continue;
      // The name of the cookie tells whose token it is.
      if (readers.length === 0 && realm.requests.isFromCookie(request, scope)) return realm;
      readers.push(realm);
      owner = longerPrefix(token, owner, realm);
    } catch {
      return realm;
    }
  }
  return owner ?? readers[0] ?? asked[0];
}

/** The one of two realms whose prefix is the longer one of this token; the first, if the other's is not its prefix. */
function longerPrefix(
  token: string,
  first: RealmParts | undefined,
  other: RealmParts,
): RealmParts | undefined {
  const prefix = prefixOf(other);
  if (!token.startsWith(prefix)) return first;
  return first && prefixOf(first).length > prefix.length ? first : other;
}

function prefixOf({ requests }: RealmParts): string {
  return requests.settings.tokenPrefix;
}

/** @throws KnoxConfigError if a token of one could be taken for one of the other */
function checkPrefixes(one: RealmParts, other: RealmParts): void {
  const prefixes = [prefixOf(one), prefixOf(other)].sort((a, b) => a.length - b.length);
  const [short = '', long = ''] = prefixes;
  const names = `'${one.name}' and '${other.name}'`;
  if (short === long) {
    throw new KnoxConfigError(
      'tokenPrefix',
      `the realms ${names} have the same; give each another one, such as 'staff_', which tells their tokens apart.`,
    );
  }
  // What follows a prefix in a token is hexadecimal, and must not look like the rest of a longer prefix.
  const rests = [short, long, long.startsWith(short) ? long.slice(short.length) : ''];
  if (rests.every((rest) => rest === '' || NO_HEXADECIMAL.test(rest))) return;
  throw new KnoxConfigError(
    'tokenPrefix',
    `the tokens of the realms ${names} cannot be told apart: a prefix, and what it has more than another one, must hold a ` +
      "character that is no hexadecimal digit; write one such as 'staff_'.",
  );
}

/** @throws KnoxConfigError if a browser may send the cookies of both, of one name, with one request */
function checkCookies(one: RealmParts, other: RealmParts): void {
  const [a, b] = [one.requests.settings.cookie, other.requests.settings.cookie];
  if (!a || a.name !== b?.name || !pathsOverlap(a.path, b.path)) return;
  if (a.domain !== null && b.domain !== null && !domainsOverlap(a.domain, b.domain)) return;
  throw new KnoxConfigError(
    'cookie',
    `the realms '${one.name}' and '${other.name}' have cookies of one name; give one another name, such as ` +
      `'${a.name}-${other.name}'.`,
  );
}

/** RFC 6265bis Section 5.1.4: a path is that of all under it. */
function pathsOverlap(...paths: [string, string]): boolean {
  const [short, long] = paths.map((path) => (path.endsWith('/') ? path : `${path}/`)).sort();
  return (long as string).startsWith(short as string);
}

/** RFC 6265bis Section 5.1.3: a domain is that of all hosts under it; a dot before it means nothing. */
function domainsOverlap(...domains: [string, string]): boolean {
  const [one, other] = domains.map((domain) => `.${domain.replace(/^\./, '').toLowerCase()}`) as [
    string,
    string,
  ];
  return one.endsWith(other) || other.endsWith(one);
}
