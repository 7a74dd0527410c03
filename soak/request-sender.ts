import type { Answer, Sending } from '../test/support/http-client.ts';
import type { FaultWindows } from './fault-windows.ts';
import type { AppProcesses } from './app-processes.ts';
import type { Stalls } from './stalls.ts';

/** Later than this, in milliseconds, a request counts as not answered. */
const ANSWER_TIMEOUT_MS = 30_000;

/** The status codes that a request of each kind may get while the database works. */
const EXPECTED = {
  login: [200, 403],
  get: [200, 401],
  logout: [204, 401],
  logoutall: [204, 401],
  prune: [200],
} as const;

export type RequestKind = keyof typeof EXPECTED;

const PATHS: Readonly<Record<RequestKind, string>> = {
  login: '/auth/login',
  get: '/me',
  logout: '/auth/logout',
  logoutall: '/auth/logoutall',
  prune: '/prune',
};

/** Sends all requests of the soak, and keeps the figures that need no knowledge of tokens. */
export class RequestSender {
  readonly counts: Record<RequestKind, number> = {
    login: 0,
    get: 0,
    logout: 0,
    logoutall: 0,
    prune: 0,
  };
  /** How often each 5xx, or missing answer, came without a fault that excuses it. */
  readonly serverErrors = new Map<string, number>();
  /** How often each answer came that is neither a server error nor expected. */
  readonly unexpected = new Map<string, number>();
  excusedErrors = 0;
  /** 5xx, or missing answers, while the soak itself stalled. */
  stallErrors = 0;
  longestAnswer = { ms: 0, what: 'none' };
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
  async send(process: number, kind: RequestKind, sending: Sending): Promise<Answer | null> {
    const client = this.#apps.client(process);
    const path = PATHS[kind];
    const method = kind === 'get' ? 'GET' : 'POST';
    const sentAt = Date.now();
    const began = performance.now();
    this.counts[kind]++;
    let answer: Answer | string;
    try {
      answer = await inTime(client.send(path, { method, ...sending }));
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
    // A prune is not timed: each of its batches may take `authTimeout`.
    const isTimed = kind !== 'prune' && !this.#stalls.touches(sentAt, answeredAt);
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

async function inTime(answer: Promise<Answer>): Promise<Answer> {
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
