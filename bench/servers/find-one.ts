// A straightforward guard without this package: a custom Passport strategy, and TypeORM's findOne with the user.
import { createHash } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken } from 'nestjs-knox';
import { Strategy } from 'passport-custom';
import { Repository } from 'typeorm';
import { databaseWith, meController, serve } from './serve.ts';
import { User } from './user.entity.ts';

@Injectable()
class TokenStrategy extends PassportStrategy(Strategy, 'token') {
  constructor(@InjectRepository(AuthToken) private readonly tokens: Repository<AuthToken<User>>) {
    super();
  }

  async validate(request: { headers: { authorization?: string } }): Promise<User | null> {
    const [scheme, token] = request.headers.authorization?.split(' ') ?? [];
    if (scheme !== 'Token' || !token) return null;
    const digest = createHash('sha512').update(token).digest('hex');
    const found = await this.tokens.findOne({ where: { digest }, relations: { user: true } });
    if (!found?.user.isActive) return null;
    return found.expiry && found.expiry.getTime() <= Date.now() ? null : found.user;
  }
}

@Injectable()
class TokenGuard extends AuthGuard('token') {}

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(AuthToken)),
    TypeOrmModule.forFeature([AuthToken]),
    PassportModule,
  ],
  controllers: [meController(TokenGuard)],
  providers: [TokenStrategy],
})
class AppModule {}

await serve(AppModule);
