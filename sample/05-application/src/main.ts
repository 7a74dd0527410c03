import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { UsersService } from './users.service.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
// For this sample only: a password that is known to everybody.
await app.get(UsersService).seed('ada', 'correct horse', 'admin');
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
console.log(`Listening on ${await app.getUrl()}`);
