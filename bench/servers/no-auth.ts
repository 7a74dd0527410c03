// No authentication: the cost of the framework.
import { Controller, Get, Module } from '@nestjs/common';
import { meOf, serve } from './serve.ts';

@Controller('me')
class MeController {
  @Get()
  me() {
    return meOf({ id: 1, username: 'user-1' });
  }
}

@Module({ controllers: [MeController] })
class AppModule {}

await serve(AppModule);
