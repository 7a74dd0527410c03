// passport-jwt with its secret as a KeyObject, so that jsonwebtoken does not make one for every request.
import { createSecretKey } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { SECRET } from '../credentials.ts';
import { meController, serve } from './serve.ts';

const KEY = createSecretKey(Buffer.from(SECRET));

@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: false,
      algorithms: ['HS256'],
      // passport-jwt hands it to jsonwebtoken unchanged, but its types do not allow it.
      secretOrKey: KEY as unknown as Buffer,
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
