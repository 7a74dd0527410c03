import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_TIMEOUT_MS = 30_000;

/** Starts the app's `dist/main.js` with an empty database, calls `use` with the address that it prints, and ends it. */
export async function serve(app, node, adapter, use) {
  const database = join(app, `${adapter}-${Date.now()}.db`);
  const server = spawn(node, ['dist/main.js', adapter], {
    cwd: app,
    env: { ...process.env, DATABASE: database, PORT: '0', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stopped = new Promise((resolve) => server.once('exit', resolve));
  const timeout = setTimeout(() => server.kill(), START_TIMEOUT_MS);
  try {
    await use(await addressOf(server));
  } finally {
    clearTimeout(timeout);
    server.kill('SIGTERM');
    await stopped;
  }
}

async function addressOf(server) {
  const lines = [];
  for await (const line of createInterface(server.stdout)) {
    if (line.startsWith('listening on ')) return line.slice('listening on '.length);
    lines.push(line);
  }
  throw new Error(`the app did not start: ${lines.join('\n')}`);
}
