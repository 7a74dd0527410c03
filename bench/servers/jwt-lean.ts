// The leanest JWT guard: no Passport, nothing asynchronous, and fast-jwt, the fastest verifier there is on npm. Each
// request's signature and expiry are checked: its cache of verdicts stays off.
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
import { createVerifier } from 'fast-jwt';
import { SECRET } from '../credentials.ts';
import { meOf, serve } from './serve.ts';

// It makes one KeyObject of the bytes, and keeps it.
const verify = createVerifier({ key: Buffer.from(SECRET), algorithms: ['HS256'], cache: false });

class JwtGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    const header = request.headers.authorization as string | undefined;
    if (!header?.startsWith('Bearer ')) throw new UnauthorizedException();
    try {
      const { sub, username } = verify(header.slice(7)) as { sub: string; username: string };
      request.user = { id: Number(sub), username };
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }
}

@Controller('me')
class MeController {
  @UseGuards(JwtGuard)
  @Get()
  me(@Req() request: any) {
    return meOf(request.user);
  }
}

@Module({ controllers: [MeController] })
class AppModule {}

await serve(AppModule);
