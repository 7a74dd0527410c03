import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { UsersModule, UsersService } from './users.ts';
// #region knox-and-jwt
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { KnoxModule } from 'nestjs-knox';
import { ExtractJwt, Strategy } from 'passport-jwt';

@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: process.env.JWT_SECRET ?? '',
    });
  }

  validate(payload: { sub: string }) {
    return { username: payload.sub };
  }
}

@Controller('reports')
@UseGuards(AuthGuard(['knox', 'jwt']))
export class ReportsController {
  @Get()
  reports() {
    return { reports: [] };
  }
}
// #endregion

@Module({
  imports: [
    // #region knox-and-jwt
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        authHeaderPrefix: 'Bearer',
      }),
    }),
    // #endregion
  ],
  controllers: [ReportsController],
  providers: [JwtStrategy],
})
export class AppModule {}
