import { Controller, Injectable, Module, type ExecutionContext } from '@nestjs/common';
import {
  KnoxController,
  KnoxLoginGuard,
  KnoxModule,
  type AuthToken,
  type KnoxRequest,
  type LoginResponseContext,
} from 'nestjs-knox';
import { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

/** A request that has passed express-session, with what the old login has left in the session. */
interface OldRequest extends KnoxRequest {
  query: { from?: string };
  session: { userId?: number };
}

/** Takes `POST /auth/login?from=session` with an old session for a login. All others prove a password, as before. */
@Injectable()
export class OldSessionGuard extends KnoxLoginGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<OldRequest>();
    if (request.query.from !== 'session') return super.canActivate(context);
    const { userId } = request.session;
    if (userId === undefined) return false;
    request.user = { id: userId };
    return true;
  }
}

@Controller('auth')
export class AuthController extends KnoxController<AuthToken<User>> {
  protected override getLoginResponse(context: LoginResponseContext<AuthToken<User>>) {
    // The old session has done its work. After a logout it must not log in again.
    delete (context.request as OldRequest).session.userId;
    return super.getLoginResponse(context);
  }
}

@Module({
  imports: [
    UsersModule,
    KnoxModule.forRootAsync({
      controller: false, // AuthController is listed below
      loginGuards: [OldSessionGuard],
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        cookie: process.env.NODE_ENV === 'production' ? true : { secure: false },
        autoRefresh: true, // as rolling sessions do
        autoRefreshMaxTtl: '30d',
      }),
    }),
  ],
  controllers: [AuthController],
})
export class AuthModule {}
