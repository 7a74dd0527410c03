import { Module } from '@nestjs/common';
import { AbstractAuthToken, KnoxModule, LastUsedColumn, NameColumn } from 'nestjs-knox';
import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

@Entity('app_token')
export class AppToken extends AbstractAuthToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;

  @NameColumn()
  name!: string | null;

  @LastUsedColumn()
  lastUsed!: Date | null;
}

@Module({
  imports: [
    KnoxModule.forRootAsync({
      tokenEntity: AppToken,
      sessions: true,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
  ],
})
export class AuthModule {}
