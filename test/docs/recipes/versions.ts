import {
  Controller,
  Get,
  Module,
  UseGuards,
  VERSION_NEUTRAL,
  VersioningType,
  type INestApplication,
} from '@nestjs/common';
import {
  CurrentUser,
  KnoxAuthGuard,
  KnoxController,
  KnoxModule,
  type AuthToken,
} from 'nestjs-knox';
import { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

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

@Module({
  imports: [
    KnoxModule.forRootAsync({
      controller: false, // AuthController is listed below
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
  ],
  controllers: [AuthController, ArticlesController],
})
export class AuthModule {}
