import { Controller, Delete, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { UsersModule, UsersService, type User } from './users.ts';
// #region realms
import {
  AbstractAuthToken,
  CurrentUser,
  InjectTokenService,
  KnoxAuthGuard,
  KnoxModule,
  Realm,
  type TokenService,
} from 'nestjs-knox';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';

@Entity('staff')
export class Staff {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  name!: string;
}

@Entity('staff_token')
export class StaffToken extends AbstractAuthToken<Staff> {
  @ManyToOne(() => Staff, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Staff;
}

@Controller('office')
@Realm('staff')
@UseGuards(KnoxAuthGuard)
export class OfficeController {
  constructor(@InjectTokenService('staff') private readonly tokens: TokenService<StaffToken>) {}

  @Get()
  me(@CurrentUser() staff: Staff) {
    return { staff: staff.name };
  }

  @Delete('sessions')
  async logOutEverywhere(@CurrentUser() staff: Staff) {
    return { loggedOut: await this.tokens.revokeAll(staff) };
  }

  @Get('news')
  @Realm('api', 'staff') // either: the prefix tells whose token it is
  news(@CurrentUser() reader: User | Staff) {
    return { greeting: `Hello, ${'name' in reader ? reader.name : reader.username}` };
  }
}
// #endregion

@Injectable()
export class StaffService {
  constructor(@InjectRepository(Staff) private readonly staff: Repository<Staff>) {}

  async verify(name: string, password: string): Promise<Staff | null> {
    return password === 'hunter2' ? this.staff.findOneBy({ name }) : null;
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([Staff])],
  providers: [StaffService],
  exports: [StaffService],
})
export class StaffModule {}

@Module({
  imports: [
    // #region realms
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
    KnoxModule.forRootAsync({
      realm: 'staff',
      tokenEntity: StaffToken,
      path: 'staff/auth',
      imports: [StaffModule],
      inject: [StaffService],
      useFactory: (staff: StaffService) => ({
        verifyCredentials: (name, password) => staff.verify(name, password),
        tokenPrefix: 'staff_',
        tokenTtl: '1h',
      }),
    }),
    // #endregion
  ],
  controllers: [OfficeController],
})
export class AppModule {}
