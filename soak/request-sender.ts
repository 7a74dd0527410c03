import type { Answer, Sending } from '../test/support/http-client.ts';
import type { FaultWindows } from './fault-windows.ts';
import type { Fleet } from './app-processes.ts';
import type { Standstills } from './stalls.ts';

/** Whoever has not answered by then never will, in milliseconds. */
const PATIENCE_MS = 30_000;

/** What a request of each kind may be answered with, when all is well. */
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
export class Traffic {
  readonly counts: Record<RequestKind, number> = {
    login: 0,
    get: 0,
    logout: 0,
    logoutall: 0,
    prune: 0,
  };
  /** 5xx, or no answer at all, with no fault to excuse it: what, and how often. */
  readonly serverErrors = new Map<string, number>();
  /** Answers that are neither a server error nor expected. */
  readonly unexpected = new Map<string, number>();
  excusedErrors = 0;
  /** 5xx, or no answer, of a time when the soak stood still. */
  standstillErrors = 0;
  longestAnswer = { ms: 0, what: 'none' };
  readonly #fleet: Fleet;
  readonly #windows: FaultWindows;
  readonly #standstills: Standstills;

  constructor(fleet: Fleet, windows: FaultWindows, standstills: Standstills) {
    this.#fleet = fleet;
    this.#windows = windows;
    this.#standstills = standstills;
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count);
  }

  /** The answer, or null where there was none. */
  async send(process: number, kind: RequestKind, sending: Sending): Promise<Answer | null> {
    const client = this.#fleet.client(process);
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
    // Each batch of a pruning may take `authTimeout`.
    const isTimed = kind !== 'prune' && !this.#standstills.touches(sentAt, answeredAt);
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
    else if (this.#standstills.touches(sentAt, answeredAt)) this.standstillErrors++;
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
    timer = setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
