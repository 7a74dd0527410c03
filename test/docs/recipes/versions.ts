import {
  Controller,
  Get,
  Module,
  UseGuards,
  VERSION_NEUTRAL,
  VersioningType,
} from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { User, UsersModule, UsersService } from './users.ts';
// #region versions
import {
  CurrentUser,
  KnoxAuthGuard,
  KnoxController,
  KnoxModule,
  type AuthToken,
} from 'nestjs-knox';

/** Stays at /auth, whatever versions the other routes have. */
@Controller({ path: 'auth', version: VERSION_NEUTRAL })
export class AuthController extends KnoxController<AuthToken<User>> {}

@Controller({ path: 'articles', version: '2' }) // at /v2/articles
@UseGuards(KnoxAuthGuard)
export class ArticlesController {
  @Get()
  list(@CurrentUser() user: User) {
    return { articlesOf: user.username };
  }
}

export function enableVersions(app: INestApplication): void {
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
}
// #endregion

@Module({
  imports: [
    // #region versions
    KnoxModule.forRootAsync({
      controller: false, // AuthController is listed in a module of the app
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
    // #endregion
  ],
  controllers: [AuthController, ArticlesController],
})
export class AppModule {}
