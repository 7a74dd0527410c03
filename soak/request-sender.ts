import type { FaultWindows } from './fault-windows.ts';
import type { AppProcesses } from './app-processes.ts';
import type { Stalls } from './stalls.ts';
import {
  graphql,
  http,
  Sockets,
  type SoakAnswer,
  type SoakSending,
  type Transport,
} from './transports.ts';

/** Later than this, in milliseconds, a request counts as not answered. */
const ANSWER_TIMEOUT_MS = 30_000;

/** What a request of each kind may get while the database works, in the status codes of HTTP. */
const EXPECTED = {
  login: [200, 403],
  evictingLogin: [200],
  get: [200, 401],
  getCurrent: [200, 401],
  getEvicting: [200, 401],
  getByGraphql: [200, 401],
  getBySocket: [200, 401],
  list: [200, 401],
  logout: [204, 401],
  logoutByGraphql: [204, 401],
  logoutBySocket: [204, 401],
  logoutall: [204, 401],
  logoutallByGraphql: [204, 401],
  endOthers: [200, 401],
  endById: [204, 401, 404],
  reauthenticate: [200, 401],
  consume: [200, 401],
  prune: [200],
} as const;

export type RequestKind = keyof typeof EXPECTED;

/** A request may take `authTimeout`. Each batch of a prune may; so may a resolver's own revocation, beside its guard. */
const UNTIMED: readonly RequestKind[] = [
  'prune',
  'logoutByGraphql',
  'logoutBySocket',
  'logoutallByGraphql',
];

/** Sends all requests of the soak, and keeps the figures that need no knowledge of tokens. */
export class RequestSender {
  readonly counts = Object.fromEntries(Object.keys(EXPECTED).map((kind) => [kind, 0])) as Record<
    RequestKind,
    number
  >;
  /** How often each 5xx, or missing answer, came without a fault that excuses it. */
  readonly serverErrors = new Map<string, number>();
  /** How often each answer came that is neither a server error nor expected. */
  readonly unexpected = new Map<string, number>();
  excusedErrors = 0;
  /** 5xx, or missing answers, while the soak itself stalled. */
  stallErrors = 0;
  longestAnswer = { ms: 0, what: 'none' };
  readonly #sockets = new Sockets();
  readonly #transports: Readonly<Record<RequestKind, Transport>> = {
    login: http('POST', '/auth/login'),
    evictingLogin: http('POST', '/evicting/login'),
    get: http('GET', '/me'),
    getCurrent: http('GET', '/auth/sessions/current'),
    getEvicting: http('GET', '/evicting/sessions/current'),
    getByGraphql: graphql('{ me { tokenKey expiry } }', 200),
    getBySocket: this.#sockets.message('me'),
    list: http('GET', '/auth/sessions'),
    logout: http('POST', '/auth/logout'),
    logoutByGraphql: graphql('mutation { logout }', 204),
    logoutBySocket: this.#sockets.message('logout'),
    logoutall: http('POST', '/auth/logoutall'),
    logoutallByGraphql: graphql('mutation { logoutAll }', 204),
    endOthers: http('DELETE', '/auth/sessions'),
    endById: http('DELETE', '/auth/sessions/:id'),
    reauthenticate: http('POST', '/auth/reauthenticate'),
    consume: http('POST', '/consume'),
    prune: http('POST', '/prune'),
  };
  readonly #apps: AppProcesses;
  readonly #windows: FaultWindows;
  readonly #stalls: Stalls;

  constructor(apps: AppProcesses, windows: FaultWindows, stalls: Stalls) {
    this.#apps = apps;
    this.#windows = windows;
    this.#stalls = stalls;
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count);
  }

  /** Returns null if no answer came. */
  async send(process: number, kind: RequestKind, sending: SoakSending): Promise<SoakAnswer | null> {
    const client = this.#apps.client(process);
    const sentAt = Date.now();
    const began = performance.now();
    this.counts[kind]++;
    let answer: SoakAnswer | string;
    try {
      answer = await inTime(this.#transports[kind](client, sending));
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      answer = code ?? message;
    }
    const answeredAt = Date.now();
    if (typeof answer === 'string') {
      this.#failed(`${kind}: ${answer}`, sentAt, answeredAt);
      return null;
    }
    const { status, body } = answer;
    const found =
      `${kind}: ${String(status)} ${String((body as object | undefined) ? (body.code ?? '') : '')}`.trim();
    const ms = Math.ceil(performance.now() - began);
    const isTimed = !UNTIMED.includes(kind) && !this.#stalls.touches(sentAt, answeredAt);
    if (isTimed && ms > this.longestAnswer.ms) this.longestAnswer = { ms, what: found };
    if (status >= 500) {
      this.#failed(found, sentAt, answeredAt);
      if (status !== 503 || body.code !== 'unavailable') bump(this.unexpected, found);
      return answer;
    }
    this.#windows.answered(process);
    const isExpected = (EXPECTED[kind] as readonly number[]).includes(status);
    if (!isExpected || (status === 401 && body.code !== 'invalid_token'))
      bump(this.unexpected, found);
    return answer;
  }

  close(): void {
    this.#sockets.close();
  }

  #failed(what: string, sentAt: number, answeredAt: number): void {
    if (this.#windows.excuses(sentAt, answeredAt)) this.excusedErrors++;
    else if (this.#stalls.touches(sentAt, answeredAt)) this.stallErrors++;
    else bump(this.serverErrors, `${what}, ${this.#windows.sinceLast}`);
  }
}

export function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function bump(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

async function inTime(answer: Promise<SoakAnswer>): Promise<SoakAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
