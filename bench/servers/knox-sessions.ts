// This package with the columns of all features: restricted tokens, abilities on the route, and last uses that are written.
import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Abilities, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { databaseWith, knoxOptions, meOf, serve } from './serve.ts';
import { ABILITY, BenchSessionToken } from './session-token.entity.ts';

@Controller('me')
class MeController {
  @UseGuards(KnoxAuthGuard)
  @Abilities(ABILITY)
  @Get()
  me(@Req() request: any): object {
    return meOf(request.user);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(BenchSessionToken)),
    KnoxModule.forRoot({ ...knoxOptions, tokenEntity: BenchSessionToken }),
  ],
  controllers: [MeController],
})
class AppModule {}

await serve(AppModule);
