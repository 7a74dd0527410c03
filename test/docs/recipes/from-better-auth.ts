import { createHmac, timingSafeEqual } from 'node:crypto';
import { unescape } from 'node:querystring';
import { Controller, Injectable, Module, type ExecutionContext } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  KnoxController,
  KnoxLoginGuard,
  KnoxModule,
  type AuthToken,
  type KnoxRequest,
  type LoginResponseContext,
} from 'nestjs-knox';
import { Column, Entity, PrimaryColumn, Repository } from 'typeorm';
import { User, UsersModule, UsersService } from './better-auth-users.ts';

@Entity('session', { synchronize: false })
export class OldSession {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  token!: string;

  @Column({ type: 'text' })
  userId!: string;

  @Column({ type: Date })
  expiresAt!: Date;
}

interface OldRequest extends KnoxRequest {
  query: { from?: string };
  oldSession?: OldSession;
}

/** The token in the cookie of better-auth, `token.signature`, if better-auth has signed it. */
function oldTokenOf({ headers }: OldRequest): string | null {
  const [, cookie = ''] = /better-auth\.session_token=([^;]+)/.exec(String(headers.cookie)) ?? [];
  const [token = '', signature = ''] = unescape(cookie).split('.');
  const hmac = createHmac('sha256', process.env.BETTER_AUTH_SECRET ?? '')
    .update(token)
    .digest();
  const given = Buffer.from(signature, 'base64');
  return given.length === hmac.length && timingSafeEqual(given, hmac) ? token : null;
}

/** Takes `POST /auth/login?from=better-auth` with an old session for a login. All others prove a password. */
@Injectable()
export class OldSessionGuard extends KnoxLoginGuard {
  @InjectRepository(OldSession)
  private readonly sessions!: Repository<OldSession>;

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<OldRequest>();
    if (request.query.from !== 'better-auth') return super.canActivate(context);
    const token = oldTokenOf(request);
    if (token === null) return false;
    const session = await this.sessions.findOneBy({ token });
    if (!session || session.expiresAt.getTime() <= Date.now()) return false;
    request.oldSession = session;
    request.user = { id: session.userId };
    return true;
  }
}

@Controller('auth')
export class AuthController extends KnoxController<AuthToken<User>> {
  @InjectRepository(OldSession)
  private readonly sessions!: Repository<OldSession>;

  protected override async getLoginResponse(context: LoginResponseContext<AuthToken<User>>) {
    // The old session has done its work. After a logout it must not log in again.
    const { oldSession } = context.request as OldRequest;
    if (oldSession) await this.sessions.delete(oldSession.id);
    return super.getLoginResponse(context);
  }
}

@Module({
  imports: [
    TypeOrmModule.forFeature([OldSession]),
    KnoxModule.forRootAsync({
      controller: false, // AuthController is listed below
      loginGuards: [OldSessionGuard],
      imports: [UsersModule, TypeOrmModule.forFeature([OldSession])],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (email, password) => users.verify(email, password),
        usernameField: 'email',
        cookie: process.env.NODE_ENV === 'production' ? true : { secure: false },
        tokenTtl: '7d',
        autoRefresh: true,
        minRefreshInterval: '1d',
      }),
    }),
  ],
  controllers: [AuthController],
})
export class AuthModule {}
