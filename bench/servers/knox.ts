// This package, with its own options: SHA-512, ten hours, the default guard.
import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { databaseWith, meOf, serve } from './serve.ts';

@Controller('me')
class MeController {
  @UseGuards(KnoxAuthGuard)
  @Get()
  me(@Req() request: any) {
    return meOf(request.user);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(AuthToken)),
    KnoxModule.forRoot({ verifyCredentials: () => null }),
  ],
  controllers: [MeController],
})
class AppModule {}

await serve(AppModule);
