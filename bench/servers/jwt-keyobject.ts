// passport-jwt with its secret as a KeyObject, which saves jsonwebtoken from making one for every request.
import { createSecretKey } from 'node:crypto';
import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { SECRET } from '../credentials.ts';
import { meOf, serve } from './serve.ts';

const KEY = createSecretKey(Buffer.from(SECRET));

@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: false,
      algorithms: ['HS256'],
      // It goes to jsonwebtoken as it is; only the types don't say so.
      secretOrKey: KEY as unknown as Buffer,
    });
  }

  validate(payload: { sub: string; username: string }) {
    return { id: Number(payload.sub), username: payload.username };
  }
}

@Injectable()
class JwtAuthGuard extends AuthGuard('jwt') {}

@Controller('me')
class MeController {
  @UseGuards(JwtAuthGuard)
  @Get()
  me(@Req() request: any) {
    return meOf(request.user);
  }
}

@Module({ imports: [PassportModule], controllers: [MeController], providers: [JwtStrategy] })
class AppModule {}

await serve(AppModule);
