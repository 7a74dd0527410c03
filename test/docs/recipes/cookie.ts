import { Controller, Module } from '@nestjs/common';
import { UsersModule, UsersService } from './users.ts';
// #region cookie
import {
  KnoxController,
  KnoxModule,
  type LoginResponseContext,
  type LogoutContext,
} from 'nestjs-knox';

const COOKIE = 'session';
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

@Controller('auth')
export class CookieAuthController extends KnoxController {
  protected override getLoginResponse({ response, authToken, token }: LoginResponseContext) {
    response.header('Set-Cookie', `${COOKIE}=${token}; ${ATTRIBUTES}; Max-Age=36000`);
    return { expiry: authToken.expiry };
  }

  protected override getLogoutResponse({ response }: LogoutContext) {
    response.header('Set-Cookie', `${COOKIE}=; ${ATTRIBUTES}; Max-Age=0`);
  }

  protected override getLogoutAllResponse(context: LogoutContext) {
    this.getLogoutResponse(context);
  }
}
// #endregion

@Module({
  imports: [
    // #region cookie
    KnoxModule.forRootAsync({
      controller: false, // CookieAuthController is listed in a module of the app
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        extractToken: ({ headers }) =>
          /(?:^|; ?)session=([^;]+)/.exec(String(headers.cookie ?? ''))?.[1] ?? null,
      }),
    }),
    // #endregion
  ],
  controllers: [CookieAuthController],
})
export class AppModule {}
