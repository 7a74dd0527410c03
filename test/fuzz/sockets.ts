import type { NumberedAnswer } from '../support/me-gateway.ts';
import { ANSWER_TIMEOUT_MS, NumberedSocket } from '../support/numbered-socket.ts';
import { pollFor } from '../support/polling.ts';
import type { Random } from '../support/random.ts';

/** How a token may be ended while its socket is open. */
type Ending = 'logout' | 'logoutall' | 'message';

/** What went wrong, and whether it is only that a good token was refused. */
export interface Mistake {
  readonly wrong: string;
  readonly isRefusal: boolean;
}

/**
 * Opens a socket with a good token, and sends messages before, while and after the token is ended. Says what went
 * wrong: a message before that was refused, or one after that was not.
 *
 * @param end logs out over HTTP, or everywhere; the status
 */
export async function trySocket(
  random: Random,
  url: string,
  token: string,
  end: (path: 'logout' | 'logoutall') => Promise<number | undefined>,
): Promise<Mistake | null> {
  const socket = await NumberedSocket.open(url, token);
  try {
    const before = await sendSome(random, socket);
    const refused = before.find(({ status }) => status !== 200);
    if (refused) return mistake('A message with a good token', refused);
    // Sent at the same time: either verdict is right.
    const during = Array.from({ length: random.below(4) }, () => socket.ask('me'));
    const ending = random.pick<Ending>(['logout', 'logoutall', 'message']);
    const status = ending === 'message' ? (await socket.ask('logout')).status : await end(ending);
    await Promise.all(during);
    if (status !== 204) return mistake(`A good token, ended by ${ending}`, { status });
    const after = await sendSome(random, socket);
    const taken = after.find(
      (answer) => answer.status !== 401 || answer.body.code !== 'invalid_token',
    );
    if (!taken) return null;
    return { ...mistake(`A message after the ${ending} of its token`, taken), isRefusal: false };
  } finally {
    socket.close();
  }
}

function mistake(what: string, answer: { readonly status: number | undefined }): Mistake {
  return { wrong: `${what}: ${JSON.stringify(answer)}`, isRefusal: answer.status === 401 };
}

/** Sends some messages, and some that are none. Gives the answers. */
async function sendSome(random: Random, socket: NumberedSocket): Promise<NumberedAnswer[]> {
  const asked: Promise<NumberedAnswer>[] = [];
  const unasked = socket.unasked.length;
  let odd = 0;
  for (let left = 1 + random.below(6); left > 0; left--) {
    if (random.chance(0.2)) socket.sendRaw(random.pick(NO_MESSAGES));
    if (random.chance(0.3)) {
      odd++;
      socket.sendRaw(`{"event":"me","data":${random.pick(ODD_DATA)}}`);
    }
    asked.push(socket.ask('me', random.pick(MORE_DATA)));
  }
  const answers = await Promise.all(asked);
  const taken = (): number => socket.unasked.length - unasked;
  const count = await pollFor(taken, (answered) => answered >= odd, ANSWER_TIMEOUT_MS);
  if (count !== odd) throw new Error(`${String(count)} answers to ${String(odd)} odd messages.`);
  const numberless = socket.unasked
    .slice(unasked)
    .map((text) => (JSON.parse(text) as { data: NumberedAnswer }).data);
  return [...answers, ...numberless];
}

/** The gateway takes none of these for a message of a handler. */
const NO_MESSAGES = [
  '',
  '{',
  'null',
  '[]',
  '"me"',
  '{"event":"nothing"}',
  '{"event":"constructor","data":1}',
  '{"event":"__proto__"}',
  Buffer.from([0, 255, 254]),
  'x'.repeat(100_000),
];

/** Data in which the gateway finds no number. */
const ODD_DATA = [
  'null',
  '7',
  '"text"',
  '"\\ud800"',
  'true',
  '[1]',
  '{}',
  '{"number":null}',
  `${'['.repeat(500)}${']'.repeat(500)}`,
  `"${'a'.repeat(50_000)}"`,
];

const MORE_DATA = [
  {},
  { user: { id: 1 }, authToken: {}, token: 'x' },
  { request: { headers: { authorization: 'Token x' } } },
  { headers: { authorization: 'Token x' } },
  { then: 1, length: 3, constructor: null },
  JSON.parse('{"__proto__":{"user":1}}') as object,
];
