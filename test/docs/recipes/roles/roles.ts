import {
  Controller,
  Delete,
  Injectable,
  Module,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { KnoxAuthGuard, KnoxModule, userOf } from 'nestjs-knox';
import type { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

export const Roles = Reflector.createDecorator<string[]>();

@Injectable()
export class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    const allowed = this.reflector.getAllAndOverride(Roles, targets) as string[] | undefined;
    if (!allowed) return true;
    const user = userOf<User>(context);
    return user?.roles.some(({ name }) => allowed.includes(name)) ?? false;
  }
}

@Controller('accounts')
export class AccountsController {
  @Roles(['admin'])
  @Delete()
  deleteAll() {
    return { deleted: true };
  }
}

@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        userRelations: ['roles'],
      }),
    }),
  ],
  controllers: [AccountsController],
  providers: [
    { provide: APP_GUARD, useClass: KnoxAuthGuard }, // first: it finds the user
    { provide: APP_GUARD, useClass: RolesGuard },
  ],
})
export class AuthModule {}
