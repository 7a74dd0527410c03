import type { Random } from '../support/random.ts';
import { loginBody, type Body } from './body.grammar.ts';
import { TYPES, type Route, type Secrets } from './grammar.ts';

/** What the fuzzer knows of sessions: the public ids of its own, and of another user's. */
interface SessionIds {
  readonly own: string;
  readonly others: string;
}

/** A request with a good token that must be answered with a 4xx, unless it only reads, and must change no row. */
interface SessionSample {
  readonly text: string;
  readonly isRead: boolean;
}

export function sessionRequest(
  random: Random,
  secrets: Secrets,
  paths: Record<Route, string>,
  ids: SessionIds,
): SessionSample {
  const request = (method: string, path: string, body?: Body): SessionSample => ({
    text: textOf(random, method, path, secrets.token, body),
    isRead: method === 'GET',
  });
  const { sessions, login, reauthenticate } = paths;
  return random.pick<() => SessionSample>([
    () => request('GET', `${random.pick([sessions, paths.current])}${random.pick(QUERIES)}`),
    () => request('GET', `${sessions}/${hostileId(random, ids)}`),
    () => request('DELETE', `${sessions}/${hostileId(random, ids)}`),
    () => request('DELETE', `${sessions}/${hostileId(random, ids)}`, { text: noName(random) }),
    () => request('PATCH', `${sessions}/${hostileId(random, ids)}`, { text: '{"name":"x"}' }),
    () => request('PATCH', `${sessions}/${hostileId(random, ids)}`, { text: '{"name":null}' }),
    () => request('PATCH', `${sessions}/${hostileId(random, ids)}`, { text: noName(random) }),
    () => request('PATCH', `${sessions}/${ids.own}`, { text: noName(random) }),
    () => request('PATCH', `${sessions}/${ids.own}`, { text: noName(random) }),
    () =>
      request('PATCH', `${sessions}/${ids.own}`, {
        text: random.pick(['name[]=x', 'name[__proto__]=x', 'Name=x', '%00=x']),
        type: 'application/x-www-form-urlencoded',
      }),
    () => request(random.pick(['POST', 'PUT']), `${sessions}/${ids.own}`, { text: '{"name":"x"}' }),
    () => request('POST', reauthenticate, loginBody(random, { ...secrets, password: 'wrong' })),
    () => request('POST', reauthenticate, { text: noName(random) }),
    () => {
      const { username, password } = secrets;
      const good = JSON.stringify({ username, password }).slice(0, -1);
      // Without the token, which would be a second way to say who it is.
      const text = `${good},"name":${badName(random)}}`;
      return { text: textOf(random, 'POST', login, null, { text }), isRead: false };
    },
  ])();
}

const QUERIES = ['', '?', '?a[__proto__]=1', '?id=%00', '?%', `?${'a=1&'.repeat(2_000)}`, '?%ff=%'];

/** It never decodes to the id of a session of the user, nor to nothing: that would name all others. */
function hostileId(random: Random, { own, others }: SessionIds): string {
  return random.pick([
    others,
    own.toUpperCase(),
    `${own}0`,
    `0${own}`,
    own.slice(0, -1),
    `${own}%00`,
    `${own}%20`,
    `%00${own}`,
    `${own.slice(0, -1)}%25`,
    `${own.slice(0, -1)}_`,
    `${own}'--`,
    `${own}/`.repeat(2),
    `${own}%2f${own}`,
    `${own},${own}`,
    random.hex(32),
    random.hex(random.pick([1, 31, 33, 128, 10_000, 20_000])),
    'a'.repeat(10_000),
    "x'%20OR%20'1'='1",
    'x"',
    '%22',
    '%25',
    '%',
    '%%%',
    '%00',
    '%c0%80',
    '%ed%a0%80',
    '%ff',
    'current',
    '__proto__',
    'constructor',
    'null',
    'undefined',
    '[]',
    '{}',
    '*',
    '..',
    `x${random.bytes(random.below(40))}`,
  ]);
}

/** JSON that is no name of a session. */
function badName(random: Random): string {
  const depth = random.pick([1, 500, 5_000]);
  return random.pick([
    '""',
    '"\\u0000"',
    '"phone\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    `"${'a'.repeat(random.pick([101, 10_000, 120_000]))}"`,
    `"${'%'.repeat(10_000)}"`,
    `"${"'".repeat(101)}"`,
    '0',
    '-1e400',
    'true',
    'false',
    '[]',
    '["x"]',
    '[null]',
    '{}',
    '{"__proto__":"x"}',
    '{"toString":1,"length":1}',
    '['.repeat(depth) + ']'.repeat(depth),
    '{"name":'.repeat(depth) + '"x"' + '}'.repeat(depth),
  ]);
}

/** A body of JSON, or nearly one, that names no session. */
function noName(random: Random): string {
  return random.pick<() => string>([
    () => `{"name":${badName(random)}}`,
    () => `{"name":"x","name":${badName(random)}}`,
    () => `{"__proto__":{"name":"x"}}`,
    () => `{"constructor":{"name":"x"}}`,
    () => `{"Name":"x","name\\u0000":"x"}`,
    () => badName(random),
    () =>
      random.pick(['null', '"name"', '[{"name":"x"}]', '{"name"', '{"name":}', '{"name":"x"', '']),
    () => `[${random.bytes(random.below(200))}`,
  ])();
}

function textOf(
  random: Random,
  method: string,
  path: string,
  token: string | null,
  body?: Body,
): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close'];
  if (token !== null) lines.push(`Authorization: Token ${token}`);
  if (body) {
    // All are read as JSON, or not at all.
    const type = body.type ?? random.pick(TYPES.filter((one) => !one.includes('urlencoded')));
    lines.push(`Content-Type: ${type}`, `Content-Length: ${String(body.text.length)}`);
    if (body.encoding !== undefined) lines.push(`Content-Encoding: ${body.encoding}`);
  }
  return [...lines, '', body?.text ?? ''].join('\r\n');
}
