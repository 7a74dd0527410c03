// This package with its default options: SHA-512, ten hours, the default guard.
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { databaseWith, knoxOptions, meController, serve } from './serve.ts';

@Module({
  imports: [TypeOrmModule.forRoot(databaseWith(AuthToken)), KnoxModule.forRoot(knoxOptions)],
  controllers: [meController(KnoxAuthGuard)],
})
class AppModule {}

await serve(AppModule);
