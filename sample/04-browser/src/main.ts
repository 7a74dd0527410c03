import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { servePages } from './pages.js';
import { UsersService } from './users.service.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule, {
  logger: ['error', 'warn'],
});
app.enableShutdownHooks();
servePages(app);
// For this sample only: a password that is known to everybody.
await app.get(UsersService).setPassword('ada', 'correct horse');
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
const { port } = new URL(await app.getUrl());
console.log(
  `Listening on http://localhost:${port}. Sign in as ada, with the password "correct horse".`,
);
