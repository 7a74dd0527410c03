// This package with the token in a cookie.
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { COOKIE_NAME } from '../credentials.ts';
import { databaseWith, knoxOptions, meController, serve } from './serve.ts';

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(AuthToken)),
    KnoxModule.forRoot({ ...knoxOptions, cookie: { name: COOKIE_NAME, secure: false } }),
  ],
  controllers: [meController(KnoxAuthGuard)],
})
class AppModule {}

await serve(AppModule);
