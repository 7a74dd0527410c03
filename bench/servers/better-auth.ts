// better-auth with its bearer plugin, on tables of its own, asked as its documentation shows.
import {
  Controller,
  Get,
  Module,
  Req,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { fromNodeHeaders } from 'better-auth/node';
import { betterAuthOf } from '../better-auth.config.ts';
import { databaseWith, meOf, serve } from './serve.ts';

const auth = betterAuthOf(databaseWith());

class SessionGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest();
    const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
    if (!session) throw new UnauthorizedException();
    request.user = { id: Number(session.user.id), username: session.user.name };
    return true;
  }
}

@Controller('me')
class MeController {
  @UseGuards(SessionGuard)
  @Get()
  me(@Req() request: any) {
    return meOf(request.user);
  }
}

@Module({ controllers: [MeController] })
class AppModule {}

await serve(AppModule);
