import type { RealmParts } from '../http/realms.ts';
import { DEFAULT_REALM } from '../options/realm-name.ts';
import type { SecurityRequirement } from './openapi.ts';
import type { Protection } from './protection.ts';

/** The name of a realm's security scheme, which is that of its Passport strategy. */
function schemeName(realm: string): string {
  return realm === DEFAULT_REALM ? 'knox' : `knox-${realm}`;
}

/** The name of the scheme of a realm's cookie. That of no realm's header has it: each has a dash behind `knox`. */
function cookieSchemeName(realm: string): string {
  return realm === DEFAULT_REALM ? 'knoxCookie' : `knoxCookie-${realm}`;
}

/** How a client may send a token of this realm: by the names of the schemes. */
export function securitySchemes(parts: RealmParts): Record<string, object> {
  const { name, requests } = parts;
  const { cookie } = requests.settings;
  const header = { [schemeName(name)]: headerScheme(parts) };
  if (!cookie) return header;
  const description = `A token of the realm "${name}", in the cookie that a login sets.`;
  const scheme = { type: 'apiKey', in: 'cookie', name: cookie.name, description };
  return { ...header, [cookieSchemeName(name)]: scheme };
}

function headerScheme({ name, requests }: RealmParts): object {
  const { authHeaderPrefix } = requests.settings;
  const whose = `A token of the realm "${name}", which a login answers`;
  if (authHeaderPrefix.toLowerCase() === 'bearer') {
    return { type: 'http', scheme: 'bearer', description: `${whose}.` };
  }
  return {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: `${whose}, after the scheme and a space: "${authHeaderPrefix} 5d41402abc…".`,
  };
}

/**
 * What an operation asks for: a token of one of these realms, beside the other schemes that the application has named. If
 * it has named ours, that says nothing more.
 *
 * @param given what the document says of the operation so far
 * @param ours the names of the schemes of all realms
 */
export function securityOf(
  protection: Exclude<Protection, 'none'>,
  asked: readonly RealmParts[],
  given: readonly SecurityRequirement[] | undefined,
  ours: readonly string[],
): SecurityRequirement[] {
  const tokens: SecurityRequirement[] = asked
    .flatMap((parts) => Object.keys(securitySchemes(parts)))
    .map((name) => ({ [name]: [] }));
  if (protection === 'optional') tokens.unshift({});
  const others = (given ?? []).map((requirement) =>
    Object.fromEntries(Object.entries(requirement).filter(([name]) => !ours.includes(name))),
  );
  const combined = (others.length > 0 ? others : [{}]).flatMap((other) =>
    tokens.map((token) => ({ ...other, ...token })),
  );
  const distinct = new Map(combined.map((one) => [Object.keys(one).sort().join(' '), one]));
  return [...distinct.values()];
}
