// `node --import ./test/support/register.mjs app.ts` runs TypeScript with decorators, without a build.
import { register } from 'node:module';

// What is loaded by now does not take the way through the hook, which costs more than its compiling.
await Promise.all(
  ['@nestjs/core', '@nestjs/event-emitter', '@nestjs/platform-express', '@nestjs/typeorm'].map(
    (name) => import(name),
  ),
);
register('./typescript-loader.mjs', import.meta.url);
