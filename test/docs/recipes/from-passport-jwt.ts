import { Controller, Header, HttpCode, Module, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  CurrentToken,
  KnoxAuthGuard,
  KnoxController,
  KnoxModule,
  type AuthToken,
  type LoginResponseContext,
} from 'nestjs-knox';
import { JwtStrategy, ProfileController } from './profile.controller.ts';
import { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

@Controller('auth')
export class AuthController extends KnoxController<AuthToken<User>> {
  /** What clients of the old login expect. */
  protected override getLoginResponse({ token }: LoginResponseContext<AuthToken<User>>) {
    return { access_token: token };
  }

  /** Gives a client that holds a JWT a token. The JWT stays good until it expires. */
  @Post('exchange')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @UseGuards(AuthGuard('jwt'))
  async exchange(@Req() { user }: { user: User }) {
    const { token } = await this.tokens.create(user);
    return { access_token: token };
  }

  /** For clients that ask for more time: the token stays the same, and its expiry moves. */
  @Post('refresh')
  @HttpCode(200)
  @UseGuards(KnoxAuthGuard)
  async refresh(@CurrentToken() authToken: AuthToken<User>) {
    return { expires_at: await this.tokens.refresh(authToken) };
  }
}

@Module({
  imports: [
    TypeOrmModule.forFeature([User]),
    KnoxModule.forRootAsync({
      controller: false, // AuthController is listed below
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        authHeaderPrefix: 'Bearer',
        tokenTtl: '30d',
      }),
    }),
  ],
  controllers: [AuthController, ProfileController],
  providers: [JwtStrategy],
})
export class AuthModule {}
