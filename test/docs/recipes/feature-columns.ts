import { Module } from '@nestjs/common';
import { User, UsersModule, UsersService } from './users.ts';
// #region feature-columns
import { AbstractAuthToken, KnoxModule, LastUsedColumn, NameColumn } from 'nestjs-knox';
import { Entity, JoinColumn, ManyToOne } from 'typeorm';

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
// #endregion

@Module({
  imports: [
    // #region feature-columns
    KnoxModule.forRootAsync({
      tokenEntity: AppToken,
      sessions: true,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
    // #endregion
  ],
})
export class AppModule {}
