import { Controller, Delete, UseGuards } from '@nestjs/common';
import type { User } from './users.ts';
// #region fresh-login
import { CurrentUser, Fresh, KnoxAuthGuard, SessionToken } from 'nestjs-knox';

@Controller('account')
@UseGuards(KnoxAuthGuard)
export class AccountController {
  @Delete()
  @Fresh('10m')
  close(@CurrentUser() user: User) {
    return { closed: user.username };
  }
}
// #endregion

// #region foreign-key
import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';

@Entity('push_address')
export class PushAddress {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 200 })
  url!: string;

  @ManyToOne(() => SessionToken, { onDelete: 'CASCADE', onUpdate: 'CASCADE', nullable: false })
  session!: SessionToken<User>;
}
// #endregion
