import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { StaffService } from './staff.service.js';
import { UsersService } from './users.service.js';

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
// For this sample only: passwords that are known to everybody.
await app.get(UsersService).setPassword('ada', 'correct horse');
await app.get(StaffService).setPassword('grace', 'battery staple');
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
console.log(`Listening on ${await app.getUrl()}. sample/03-sessions/README.md shows what to call.`);
