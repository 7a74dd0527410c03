import {
  Body,
  Controller,
  forwardRef,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Put,
  UseGuards,
} from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from './users.ts';
// #region circular
import { CurrentUser, KnoxAuthGuard, KnoxModule, TokenService } from 'nestjs-knox';

@Injectable()
export class UsersService {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    // KnoxModule needs UsersService to make TokenService: this side of the circle waits.
    @Inject(forwardRef(() => TokenService)) private readonly tokens: TokenService,
  ) {}

  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOneBy({ username });
    return user?.password === password ? user : null; // yours compares hashes
  }

  /** Changes a password, and logs out every device. */
  async changePassword(user: User, password: string): Promise<void> {
    await this.users.update({ id: user.id }, { password });
    await this.tokens.revokeAll(user);
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([User])],
  providers: [UsersService],
  exports: [UsersService],
})
export class UsersModule {}
// #endregion

@Controller('password')
@UseGuards(KnoxAuthGuard)
class PasswordController {
  constructor(private readonly users: UsersService) {}

  @Put()
  @HttpCode(204)
  async change(@CurrentUser() user: User, @Body() { password }: { password: string }) {
    await this.users.changePassword(user, password);
  }
}

@Module({
  imports: [
    UsersModule,
    // #region circular
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService], // without forwardRef
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
    // #endregion
  ],
  controllers: [PasswordController],
})
export class AppModule {}
