import { connect } from 'node:net';
import { SERVERS } from './databases.ts';

/** Finds out which database servers answer; says what is left out, and fails in CI. */
export default async function globalSetup(): Promise<void> {
  const found: string[] = [];
  for (const [name, options] of Object.entries(SERVERS)) {
    const { host, port } = options as { host: string; port: number };
    if (await answers(host, port)) {
      found.push(name);
    } else if (process.env.CI) {
      throw new Error(`CI needs ${name}, and nothing answers at ${host}:${String(port)}.`);
    } else {
      console.warn(`LEFT OUT: the tests on ${name}; nothing answers at ${host}:${String(port)}.`);
    }
  }
  process.env.KNOX_TEST_SERVERS = found.join(',');
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const settle = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket
      .once('connect', settle(true))
      .once('error', settle(false))
      .once('timeout', settle(false));
  });
}
