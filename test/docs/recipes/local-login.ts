import { Injectable, Module } from '@nestjs/common';
import { UsersModule, UsersService, type User } from './users.ts';
// #region local-login
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { KnoxModule } from 'nestjs-knox';
import { Strategy } from 'passport-local';

@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy) {
  constructor(private readonly users: UsersService) {
    super();
  }

  async validate(username: string, password: string): Promise<User | false> {
    return (await this.users.verify(username, password)) ?? false;
  }
}

@Injectable()
export class LocalAuthGuard extends AuthGuard('local') {}
// #endregion

@Module({ imports: [UsersModule], providers: [LocalStrategy] })
export class LocalModule {}

@Module({
  imports: [
    LocalModule,
    // #region local-login
    KnoxModule.forRoot({ loginGuards: [LocalAuthGuard] }),
    // #endregion
  ],
})
export class AppModule {}
