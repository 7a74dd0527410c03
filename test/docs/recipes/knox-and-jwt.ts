import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { KnoxModule } from 'nestjs-knox';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

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

@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        authHeaderPrefix: 'Bearer',
      }),
    }),
  ],
  controllers: [ReportsController],
  providers: [JwtStrategy],
})
export class AuthModule {}
