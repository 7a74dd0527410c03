// The same, and what is asked for is the list of the user's sessions, of which there are ten.
import { Controller, Get, Module, Req } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Abilities, KnoxModule, KnoxSessionsController, type KnoxRequest } from 'nestjs-knox';
import { databaseWith, knoxOptions, serve } from './serve.ts';
import { ABILITY, BenchSessionToken } from './session-token.entity.ts';

/** At the path that the load asks for, and for tokens that may otherwise not see others. */
@Controller('me')
class SessionsController extends KnoxSessionsController<BenchSessionToken> {
  @Get()
  @Abilities(ABILITY)
  override list(@Req() request: KnoxRequest): Promise<unknown[]> {
    return super.list(request);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(BenchSessionToken)),
    KnoxModule.forRoot({ ...knoxOptions, tokenEntity: BenchSessionToken }),
  ],
  controllers: [SessionsController],
})
class AppModule {}

await serve(AppModule);
