// better-auth with its bearer plugin and its tables, used as its documentation shows.
import {
  Module,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { fromNodeHeaders } from 'better-auth/node';
import { betterAuthOf } from '../better-auth.config.ts';
import { databaseWith, meController, serve } from './serve.ts';

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

@Module({ controllers: [meController(SessionGuard)] })
class AppModule {}

await serve(AppModule);
