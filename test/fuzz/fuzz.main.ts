import { parseArgs } from 'node:util';
import { WsAdapter } from '@nestjs/platform-ws';
import { PASSWORD, type AdapterName } from '../support/app.ts';
import type { DatabaseName } from '../support/databases.ts';
import { MeGateway } from '../support/me-gateway.ts';
import { startSessionApp } from '../support/session-app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { flood } from './flood.ts';
import { fuzz, type FuzzReport } from './fuzzer.ts';

/**
 * An application and a fuzzer in one process, whose crash is a finding too. It is started by
 * fuzz.test.ts, and by hand, to have the requests of a failure again:
 * node --expose-gc --import ./test/support/register.mjs test/fuzz/fuzz.main.ts --seed 1 --first 812 --count 1
 */

export interface FuzzRun {
  readonly fuzz: FuzzReport;
  readonly flood: {
    readonly statuses: Record<string, number>;
    readonly reads: number;
    readonly writes: number;
  };
  /** Uncaught exceptions and unhandled rejections. */
  readonly uncaught: string[];
  /** By how many bytes the heap grew in the second half of each, after garbage collections. */
  readonly growth: { readonly fuzz: number; readonly flood: number };
}

const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'express' },
    database: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '1000' },
    flood: { type: 'string', default: '0' },
  },
});
const [seed, first, count, floods] = [values.seed, values.first, values.count, values.flood].map(
  Number,
) as [number, number, number, number];

const uncaught: string[] = [];
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error: Error) => uncaught.push(`${event}: ${String(error.stack ?? error)}`));
}

/** The size of the heap after garbage collections, in bytes. */
async function sweptHeap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    // Promises and closing sockets free their objects only in later turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
  return process.memoryUsage().heapUsed;
}

const test = await startSessionApp({
  adapter: values.adapter as AdapterName,
  database: values.database as DatabaseName,
  providers: [MeGateway],
  configure: (app) => app.useWebSocketAdapter(new WsAdapter(app)),
});
test.app.getHttpServer().httpAllowHalfOpen = true;
const { url } = test.client;
const others = await test.tokens.create(test.jane);

let atHalf = 0;
const report = await fuzz(
  {
    url,
    username: test.john.username,
    password: PASSWORD,
    hasGateway: true,
    othersId: others.authToken.publicId,
    table: async () => {
      // Last uses are written behind the requests, so they are left out.
      const rows = await test.dataSource.query<Record<string, unknown>[]>(
        'SELECT digest, user_id, expiry, ttl, name, abilities, authenticated FROM knox_auth_token',
      );
      return rows.map((row) => Object.values(row).join(' '));
    },
  },
  {
    seed,
    first,
    count,
    before: async (index) => {
      if (index === first + Math.floor(count / 2)) atHalf = await sweptHeap();
    },
  },
);
const fuzzGrowth = (await sweptHeap()) - atHalf;

const sql = new SqlLog(test.dataSource);
let [reads, writes] = [0, 0];
const tally = (): void => {
  reads += sql.reads.length;
  writes += sql.writes.length;
  sql.clear();
};
const warmUp = await flood(url, floods / 2, seed, tally);
const beforeFlood = await sweptHeap();
const statuses = await flood(url, floods / 2, seed + 1, tally);
const floodGrowth = (await sweptHeap()) - beforeFlood;
await test.close();
// Node.js reports an unhandled rejection at the end of the turn.
await new Promise((resolve) => setImmediate(resolve));

for (const [status, times] of Object.entries(warmUp)) {
  statuses[status] = (statuses[status] ?? 0) + times;
}
const run: FuzzRun = {
  fuzz: report,
  flood: { statuses, reads, writes },
  uncaught,
  growth: { fuzz: fuzzGrowth, flood: floodGrowth },
};
if (process.send) process.send(run, () => process.disconnect());
else console.log(JSON.stringify(run, null, 2).replaceAll('\\n', '\n'));
