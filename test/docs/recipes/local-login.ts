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
    const user = await this.users.verify(username, password);
    // An inactive user is refused here as a wrong password is, in the words of the same guard.
    return user?.isActive ? user : false;
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
