import { Injectable, Module } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { KnoxModule } from 'nestjs-knox';
import { Strategy } from 'passport-local';
import type { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

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

@Module({ imports: [UsersModule], providers: [LocalStrategy] })
export class LocalModule {}

@Module({ imports: [LocalModule, KnoxModule.forRoot({ loginGuards: [LocalAuthGuard] })] })
export class AuthModule {}
