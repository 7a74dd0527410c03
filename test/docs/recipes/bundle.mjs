import { build } from 'esbuild';

await build({
  // What tsc has compiled: esbuild itself emits no types of constructors, by which NestJS injects.
  entryPoints: ['dist/main.js'],
  outfile: 'bundle/main.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external', // one copy of nestjs-knox, and of each driver
  minify: true,
  keepNames: true, // or no class is named User any more
});
