import { Controller, Get, Injectable, Req, UnauthorizedException, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { InjectRepository } from '@nestjs/typeorm';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Repository } from 'typeorm';
import { User } from './user.entity.ts';

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
