// passport-jwt as its documentation and that of NestJS show it: the secret is a string.
import { Injectable, Module } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { SECRET } from '../credentials.ts';
import { meController, serve } from './serve.ts';

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

@Module({
  imports: [PassportModule],
  controllers: [meController(JwtAuthGuard)],
  providers: [JwtStrategy],
})
class AppModule {}

await serve(AppModule);
