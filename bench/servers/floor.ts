// The least that a guard of opaque tokens can do: it reads the header, hashes the token, and finds the user in memory.
// Nothing can be revoked, and no database is asked.
import { hash } from 'node:crypto';
import {
  Module,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { credentialsOf, rawToken, userNameOf } from '../credentials.ts';
import { meController, serve, tokensInUse } from './serve.ts';

const digestOf = (token: string): string => hash('sha512', token, 'hex');

const users = new Map(
  credentialsOf(tokensInUse()).map(({ token, user }) => [
    digestOf(rawToken(token)),
    { id: user, username: userNameOf(user) },
  ]),
);

class MemoryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    const header = request.headers.authorization as string | undefined;
    if (!header?.startsWith('Token ')) throw new UnauthorizedException();
    const user = users.get(digestOf(header.slice(6)));
    if (!user) throw new UnauthorizedException();
    request.user = user;
    return true;
  }
}

@Module({ controllers: [meController(MemoryGuard)] })
class AppModule {}

await serve(AppModule);
