// Live connections: what 10,000 watched tokens cost, and how long after its revocation a connection is closed.
import { setTimeout as sleep } from 'node:timers/promises';
import { FULL_DATA, QUICK_DATA } from './data.ts';
import { prepareDatabase, type DatabaseName } from './databases.ts';
import { median, Server } from './measure.ts';
import { DATABASE_NAMES, markdownTable } from './report.ts';
import type { Usage } from './servers/serve.ts';

const WATCHED = 10_000;

/** The share of one core that watching may take: what the process takes more than before. */
const AT_MOST = 0.02;

/** By when a connection has to be closed, in milliseconds. */
const CLOSED_WITHIN_MS = 5_000;

interface Revoked {
  readonly number: number;
  readonly askedAt: number;
  readonly committedAt: number;
}

export async function live(databases: readonly DatabaseName[], quick: boolean): Promise<void> {
  const { rounds, roundMs, closings } = quick
    ? { rounds: 3, roundMs: 6_000, closings: 200 }
    : { rounds: 7, roundMs: 20_000, closings: 1_000 };
  const shares: string[][] = [];
  const delays: string[][] = [];
  for (const name of databases) {
    const label = DATABASE_NAMES[name];
    const { options: database, databaseServer } = await prepareDatabase(
      name,
      quick ? QUICK_DATA : FULL_DATA,
    );
    const settings = { adapter: 'fastify', database, databaseServer } as const;
    const [server, other] = [
      await Server.start('knox-live', settings),
      await Server.start('knox-live', settings),
    ];
    // The watching process gets its core for itself.
    const shareOfCore = async (): Promise<[process: number, database: number][]> => {
      const found: [number, number][] = [];
      for (let round = 0; round < rounds; round += 1) {
        const before = await server.worker.ask<Usage>('usage');
        const [began, databaseBefore] = [performance.now(), databaseServer?.cpuMs() ?? NaN];
        await sleep(roundMs);
        const ms = performance.now() - began;
        const database = ((databaseServer?.cpuMs() ?? NaN) - databaseBefore) / ms;
        const after = await server.worker.ask<Usage>('usage');
        found.push([(after.cpuMs - before.cpuMs) / ms, database]);
      }
      return found;
    };
    await sleep(roundMs);
    const idle = await shareOfCore();
    const numbers = Array.from({ length: WATCHED }, (_, index) => index + 1);
    for (let start = 0; start < WATCHED; start += 500) {
      await server.worker.ask('watch', numbers.slice(start, start + 500));
    }
    await sleep(roundMs);
    const watching = await shareOfCore();
    const medianOf = (shares: typeof idle, part: 0 | 1): number =>
      median(shares.map((share) => share[part]));
    const cost = medianOf(watching, 0) - medianOf(idle, 0);
    shares.push([
      label,
      percent(medianOf(idle, 0)),
      percent(medianOf(watching, 0)),
      percent(cost),
      percent(medianOf(watching, 1) - medianOf(idle, 1)),
      cost <= AT_MOST ? 'met' : 'missed',
    ]);

    const revoke = (by: Server, from: number): Promise<Revoked[]> =>
      by.worker.ask('revoke', { numbers: numbers.slice(from, from + closings), pauseMs: 10 });
    const own = await revoke(server, 0);
    const others = await revoke(other, closings);
    await sleep(CLOSED_WITHIN_MS);
    const closedAt = new Map(await server.worker.ask<[number, number][]>('closings'));
    const rowOf = (title: string, all: Revoked[], since: 'askedAt' | 'committedAt'): string[] => {
      const ms = all
        .map((one) => (closedAt.get(one.number) ?? Infinity) / 1000 - one[since] / 1000)
        .sort((a, b) => a - b);
      const at = (part: number): string => ms[Math.ceil(part * ms.length) - 1]!.toFixed(1);
      const isMet = ms.at(-1)! <= CLOSED_WITHIN_MS;
      return [`${label}, ${title}`, at(0.5), at(0.99), at(1), isMet ? 'met' : 'missed'];
    };
    delays.push(rowOf('the same process, from the call of revoke', own, 'askedAt'));
    delays.push(rowOf('another process, from its commit', others, 'committedAt'));
    await Promise.all([server.stop(), other.stop()]);
  }
  const head = ['CPU of the idle process', 'while it watches', 'more', 'the database, more'];
  const target = `target: at most ${percent(AT_MOST)}`;
  const count = WATCHED.toLocaleString('en');
  console.log(`${markdownTable([`${count} watched tokens`, ...head, target], shares)}\n`);
  const columns = ['p50 ms', 'p99 ms', 'the longest, ms', 'target: within 5 s'];
  const title = `${closings.toLocaleString('en')} closings, revoked by`;
  console.log(markdownTable([title, ...columns], delays));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
