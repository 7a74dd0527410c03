// Starts the app, shows a session from end to end, and stays up; with --once it ends after that.
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { CREDENTIALS, Tour } from './tour.js';
import { UsersService } from './users.service.js';

const port = process.env.PORT ?? '3000';

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
  fail('PORT must be a number from 0 to 65535, for example: PORT=3001 npm run sample');
}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
// For this sample only: a user with a password that is known to everybody.
await app.get(UsersService).setPassword(CREDENTIALS.username, CREDENTIALS.password);
await app.listen(port, '127.0.0.1').catch((error: unknown) => {
  if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error;
  fail(`Port ${port} is in use. Take another one, for example: PORT=3001 npm run sample`);
});

const tour = new Tour(await app.getUrl());
await tour.run();
if (process.argv.includes('--once')) {
  await app.close();
  process.exitCode = tour.failures === 0 ? 0 : 1;
} else {
  await tour.leave();
}
