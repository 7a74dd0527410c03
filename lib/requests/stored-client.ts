import { isIPv4, isIPv6 } from 'node:net';
import type { ClientInfo } from './client-info.ts';

/** How much of a client's address is stored: its network (/24 or /48), all of it, or nothing. */
export const STORED_IP = ['network', 'full', 'none'] as const;

export type StoredIp = (typeof STORED_IP)[number];

/** How many characters of a User-Agent are kept. */
const MAX_USER_AGENT_LENGTH = 255;

/** How many of the eight groups of an IPv6 address are its /48. */
const NETWORK_GROUPS = 3;

/** What a token's columns keep of the client that used it. */
export interface StoredClient {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** What to store of a client. */
export function storedClient(client: ClientInfo | null, storedIp: StoredIp): StoredClient {
  return {
    ip: storedAddress(client?.ip ?? null, storedIp),
    userAgent: storedUserAgent(client?.userAgent ?? null),
  };
}

/** An address that is none, such as what a proxy may write in its header, is not stored. */
function storedAddress(ip: string | null, storedIp: StoredIp): string | null {
  if (ip === null || storedIp === 'none') return null;
  const [address = ''] = ip.split('%', 1);
  // An IPv4 client of a socket that listens on both.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(plain)) return storedIp === 'full' ? plain : plain.replace(/\d+$/, '0');
  if (!isIPv6(plain)) return null;
  return storedIp === 'full' ? plain : networkOf(plain);
}

function networkOf(address: string): string {
  const network = groupsOf(address).slice(0, NETWORK_GROUPS).map(withoutZeros);
  while (network.at(-1) === '0') network.pop();
  return `${network.join(':')}::`;
}

/** The eight groups of an address, those too that "::" leaves out. */
function groupsOf(address: string): string[] {
  const [before = [], after] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':')));
  if (after === undefined) return before;
  // The last two may be written as an IPv4 address.
  const last = after.flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
  const zeros = Array.from({ length: 8 - before.length - last.length }, () => '0');
  return [...before, ...zeros, ...last];
}

function withoutZeros(group: string): string {
  return group.replace(/^0+(?=.)/, '').toLowerCase();
}

/** Cut to what the column takes, without half a character; a database refuses NUL. */
function storedUserAgent(userAgent: string | null): string | null {
  if (userAgent === null) return null;
  const cut = userAgent.toWellFormed().replaceAll('\0', '');
  return Array.from(cut.slice(0, 2 * MAX_USER_AGENT_LENGTH))
    .slice(0, MAX_USER_AGENT_LENGTH)
    .join('');
}
