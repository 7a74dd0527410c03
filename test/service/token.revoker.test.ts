import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { BackgroundTasks } from '../../lib/async/background-tasks.ts';
import { Operation } from '../../lib/async/operation.ts';
import type { EventPublisher } from '../../lib/events/event.publisher.ts';
import type { KnoxSettings } from '../../lib/options/runtime-options.ts';
import { TokenRevoker } from '../../lib/service/token.revoker.ts';
import type { DeletedBatch, TokenStore } from '../../lib/store/token.store.ts';

const BATCH_MS = 40;
const BATCHES = 3;

/** Timers may fire a millisecond early. */
const EARLY_MS = 2;

/** A store whose batches take a known time, which a real one's do not. */
function slowStore(): { store: TokenStore; restsMs: number[] } {
  const restsMs: number[] = [];
  let endedAt: number | undefined;
  let batches = 0;
  const deleteBatch = async (): Promise<DeletedBatch> => {
    if (endedAt !== undefined) restsMs.push(performance.now() - endedAt);
    await sleep(BATCH_MS);
    endedAt = performance.now();
    return { deleted: 1, isFull: ++batches < BATCHES };
  };
  const schema = { owner: { keyOf: () => 1 } };
  const transactions = { transactionOf: () => undefined };
  const deletions = { deleteBatch, deleteExpired: deleteBatch };
  const store = { schema, transactions, isInProcess: true, ...deletions } as unknown as TokenStore;
  return { store, restsMs };
}

const settings = { authTimeout: 5_000 } as KnoxSettings;
const events = { publish: () => undefined } as unknown as EventPublisher;

it.each([
  [
    'revokeAll',
    (revoker: TokenRevoker<never>) => revoker.revokeAll({}, undefined, { reason: 'service' }, op()),
  ],
  ['prune', (revoker: TokenRevoker<never>) => revoker.prune()],
] as const)('%s rests after each batch for as long as it took', async (_, work) => {
  const { store, restsMs } = slowStore();
  const revoker = new TokenRevoker<never>(settings, store as never, new BackgroundTasks(), events);
  expect(await work(revoker)).toBe(BATCHES);
  expect(restsMs).toHaveLength(BATCHES - 1);
  for (const restMs of restsMs) expect(restMs).toBeGreaterThan(BATCH_MS - EARLY_MS);
});

function op(): Operation {
  return Operation.within(settings.authTimeout);
}
