import {
  Controller,
  Get,
  Header,
  HttpCode,
  Injectable,
  Module,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User, UsersModule, UsersService } from './users.ts';
// #region jwt-of-old-clients
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: process.env.JWT_SECRET ?? '',
    });
  }

  /** Loads the user, as a token does, so that handlers get the same from both. */
  async validate({ sub }: { sub: number }): Promise<User> {
    const user = await this.users.findOneBy({ id: sub });
    if (!user?.isActive) throw new UnauthorizedException();
    return user;
  }
}

@Controller('profile')
@UseGuards(AuthGuard(['knox', 'jwt'])) // was: AuthGuard('jwt')
export class ProfileController {
  @Get()
  profile(@Req() { user }: { user: User }) {
    return { username: user.username };
  }
}
// #endregion

// #region login-of-old-clients
import {
  CurrentToken,
  KnoxAuthGuard,
  KnoxController,
  KnoxModule,
  type AuthToken,
  type LoginResponseContext,
} from 'nestjs-knox';

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
// #endregion

@Module({
  imports: [
    TypeOrmModule.forFeature([User]),
    // #region login-of-old-clients
    KnoxModule.forRootAsync({
      controller: false, // AuthController is listed in a module of the app
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        authHeaderPrefix: 'Bearer',
        tokenTtl: '30d',
      }),
    }),
    // #endregion
  ],
  controllers: [AuthController, ProfileController],
  providers: [JwtStrategy],
})
export class AppModule {}
