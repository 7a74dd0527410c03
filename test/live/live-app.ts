import type { KnoxLiveOptions } from '../../lib/live/index.ts';
import { KnoxLiveModule, LiveTokens, type TokenWatch } from '../../lib/live/index.ts';
import type { TestApp, TestAppOptions } from '../support/app.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';

/** Short, so that a test need not wait long. */
export const INTERVAL_MS = 200;

/** The longest that a revocation by others may go unnoticed in these tests, on a busy machine, in milliseconds. */
export const NOTICED_MS = 5_000;

/** The options of an application that imports KnoxLiveModule. */
export function withLive<Options extends TestAppOptions>(
  { imports = [], ...options }: Options,
  live: KnoxLiveOptions = { interval: INTERVAL_MS },
): Options {
  return {
    ...options,
    imports: [...imports, KnoxLiveModule.forRoot(live)],
  } as unknown as Options;
}

export interface LiveApp extends SessionApp {
  readonly live: LiveTokens;
}

/** An application whose tokens are SessionTokens, with KnoxLiveModule. */
export async function startLiveApp(
  options: TestAppOptions = {},
  live?: KnoxLiveOptions,
): Promise<LiveApp> {
  const test = await startSessionApp(withLive(options, live));
  return { ...test, live: liveOf(test) };
}

export function liveOf({ app }: Pick<TestApp, 'app'>): LiveTokens {
  return app.get(LiveTokens);
}

/** Why the watch was aborted: the code of the exception. Rejects if it is not in time. */
export async function endOf({ signal }: TokenWatch, timeoutMs = NOTICED_MS): Promise<string> {
  if (!signal.aborted) {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error('The watch goes on.'));
      }, timeoutMs);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  return (signal.reason as { code: string }).code;
}
