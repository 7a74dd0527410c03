// `node --import ./test/support/register.mjs app.ts` runs TypeScript with decorators, without a build.
import { register } from 'node:module';

// Load the large packages before the hook: each module that passes through it costs more than to compile it.
await Promise.all(
  ['@nestjs/core', '@nestjs/event-emitter', '@nestjs/platform-express', '@nestjs/typeorm'].map(
    (name) => import(name),
  ),
);
register('./typescript-loader.mjs', import.meta.url);
