// `npm run bench`: builds the package, installs the peers if they are missing, compiles the bench and starts it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const started = Date.now();
const root = fileURLToPath(new URL('..', import.meta.url));
const bench = fileURLToPath(new URL('.', import.meta.url));

await Promise.all([run(process.execPath, ['scripts/build.mjs']), installPeers()]);
compile();
await run(process.execPath, [join(bench, 'dist/main.js'), ...process.argv.slice(2)], {
  NODE_ENV: 'production',
  BENCH_STARTED: String(started),
});

async function installPeers() {
  if (written('node_modules/.package-lock.json') < written('package-lock.json')) {
    await run('npm', ['ci', '--prefix', bench, '--no-audit', '--no-fund']);
  }
  // The servers import the package by its name, and get the build of `npm run build`.
  const link = join(bench, 'node_modules/nestjs-knox');
  rmSync(link, { force: true });
  symlinkSync('../..', link, 'junction');
}

/** Does not check types, which would take longer than all else; use `npm run typecheck --prefix bench`. */
function compile() {
  const { config } = ts.readConfigFile(join(bench, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, bench);
  const out = join(bench, 'dist');
  rmSync(out, { recursive: true, force: true });
  for (const folder of ['', 'servers']) {
    for (const name of readdirSync(join(bench, folder)).filter((file) => file.endsWith('.ts'))) {
      const fileName = join(bench, folder, name);
      const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), {
        compilerOptions: { ...options, module: ts.ModuleKind.ES2022 },
        fileName,
      });
      const target = join(out, folder, name.replace(/ts$/, 'js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, outputText);
    }
  }
}

function written(file) {
  return statSync(join(bench, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function run(command, args, env = {}) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const end = () => child.kill('SIGTERM');
  process.on('SIGTERM', end);
  const [status] = await once(child, 'exit');
  process.off('SIGTERM', end);
  if (status !== 0) process.exit(status ?? 1);
}
