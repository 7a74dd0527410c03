// What a process keeps of hostile tokens, logins and live sockets once they are over: Fastify, PostgreSQL.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tokens } from './credentials.ts';
import { fillSessions, fillTables } from './data.ts';
import { newDatabase } from './databases.ts';
import { Server } from './measure.ts';
import { markdownTable } from './report.ts';
import { LOAD_CORE, WorkerProcess } from './rpc.ts';
import type { Memory } from './servers/knox-memory.ts';
import type { Visits } from './visitors.ts';

/** How many of each there are. */
export interface Crowd {
  readonly hostile: number;
  readonly owners: number;
  readonly sockets: number;
}

/** The part of each by which the process is warmed up. */
const WARM_UP = 0.1;

/** How much more than at its start a process may have, of its resident memory. */
const AT_MOST = 1.1;

const MEBIBYTE = 2 ** 20;

export async function memory(crowd: Crowd): Promise<void> {
  const { options: database } = await newDatabase('postgres');
  const warmUp: Crowd = {
    hostile: crowd.hostile * WARM_UP,
    owners: crowd.owners * WARM_UP,
    sockets: crowd.sockets * WARM_UP,
  };
  const sockets = crowd.sockets + warmUp.sockets;
  const tokens: Tokens = { from: 1, to: sockets, firstUser: 1, users: crowd.owners };
  await fillTables(database, tokens);
  await fillSessions(database);
  const server = await Server.start('knox-memory', {
    adapter: 'fastify',
    database,
    nodeArgs: ['--expose-gc'],
  });
  const visitors = await WorkerProcess.start('visitors.js', { core: LOAD_CORE });
  const visit = (what: string, from: number, count: number): Promise<void> =>
    visitors.ask(what, { port: server.port, from, to: from + count - 1 } satisfies Visits);

  let hostile = sockets + 1;
  const sendHostile = async (count: number): Promise<void> => {
    await visit('hostile', hostile, count);
    hostile += count;
  };
  /** The first half is closed by the clients, the other half by revocation. */
  const closeSockets = async (from: number, count: number): Promise<void> => {
    const half = Math.floor(count / 2);
    await visit('close', from, half);
    const rest = Array.from({ length: count - half }, (_, index) => from + half + index);
    await server.worker.ask('revoke', rest);
    while ((await visitors.ask<number>('opened')) > 0) await sleep(100);
  };
  const measured: { label: string; memory: Memory; seconds: number }[] = [];
  const measure = async (label: string, work: () => Promise<void>): Promise<void> => {
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1000;
    measured.push({ label, memory: await server.worker.ask<Memory>('memory'), seconds });
    process.stderr.write(`${label}: ${seconds.toFixed(0)} s\n`);
  };

  await measure('the start', async () => {
    await sendHostile(warmUp.hostile);
    await visit('owners', 1, warmUp.owners);
    await visit('open', crowd.sockets + 1, warmUp.sockets);
    await closeSockets(crowd.sockets + 1, warmUp.sockets);
  });
  await measure(`${number(crowd.hostile)} hostile tokens`, () => sendHostile(crowd.hostile));
  await measure(`${number(crowd.owners)} owners who log in`, () =>
    visit('owners', 1, crowd.owners),
  );
  await measure(`${number(crowd.sockets)} live sockets, open`, () =>
    visit('open', 1, crowd.sockets),
  );
  await measure('the same, closed', () => closeSockets(1, crowd.sockets));
  await visitors.stop();
  await server.stop();
  show(measured);
}

function show(measured: readonly { label: string; memory: Memory; seconds: number }[]): void {
  const start = measured[0]!.memory;
  const ratio = (now: number, before: number): string => `${(now / before).toFixed(2)} ×`;
  const rows = measured.map(({ label, memory: { resident, heap }, seconds }, index) => [
    label,
    index === 0 ? '' : seconds.toFixed(0),
    (resident / MEBIBYTE).toFixed(1),
    ratio(resident, start.resident),
    (heap / MEBIBYTE).toFixed(1),
    ratio(heap, start.heap),
    label.endsWith('open') ? '' : resident <= AT_MOST * start.resident ? 'met' : 'missed',
  ]);
  const head = [
    'after',
    'seconds',
    'resident, MiB',
    'against the start',
    'heap in use, MiB',
    'against the start',
    `target: at most ${AT_MOST} ×, resident`,
  ];
  console.log(markdownTable(head, rows));
}

const number = (count: number): string => count.toLocaleString('en');
