// passport-jwt as its documentation and that of NestJS show it: the secret is a string.
import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { SECRET } from '../credentials.ts';
import { meOf, serve } from './serve.ts';

@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: false,
      secretOrKey: SECRET,
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
