import { SERVERS } from './databases.ts';
import { isListening } from './ports.ts';

/** Finds out which database servers are available. Warns of those that are not; in CI that is an error. */
export default async function globalSetup(): Promise<void> {
  const found: string[] = [];
  for (const [name, options] of Object.entries(SERVERS)) {
    const { host, port } = options as { host: string; port: number };
    if (await isListening(port, host)) {
      found.push(name);
    } else if (process.env.CI) {
      throw new Error(`CI needs ${name}, and nothing answers at ${host}:${String(port)}.`);
    } else {
      console.warn(`LEFT OUT: the tests on ${name}; nothing answers at ${host}:${String(port)}.`);
    }
  }
  process.env.KNOX_TEST_SERVERS = found.join(',');
}
