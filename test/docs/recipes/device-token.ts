import { Controller, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { InjectRepository } from '@nestjs/typeorm';
import { Injectable } from '@nestjs/common';
// #region device-token
import { AbstractAuthToken, KnoxController, KnoxModule, type LoginContext } from 'nestjs-knox';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';

@Entity('members')
export class Member {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ type: 'varchar', unique: true })
  email!: string;
}

@Entity('device_token')
export class DeviceToken extends AbstractAuthToken<Member> {
  @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Member;

  @Column({ type: 'varchar', length: 100, nullable: true })
  deviceName!: string | null;
}

@Controller('auth')
export class DeviceAuthController extends KnoxController<DeviceToken> {
  protected override createToken({ request, user }: LoginContext<DeviceToken>) {
    const deviceName = String(request.headers['x-device-name'] ?? 'unnamed').slice(0, 100);
    return this.tokens.create(user, { columns: { deviceName } });
  }
}
// #endregion

@Injectable()
export class MembersService {
  constructor(@InjectRepository(Member) private readonly members: Repository<Member>) {}

  async verify(email: string, password: string): Promise<Member | null> {
    return password === 'hunter2' ? this.members.findOneBy({ email }) : null;
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([Member])],
  providers: [MembersService],
  exports: [MembersService],
})
export class MembersModule {}

@Module({
  imports: [
    // #region device-token
    KnoxModule.forRootAsync({
      tokenEntity: DeviceToken,
      controller: false, // DeviceAuthController is listed in a module of the app
      imports: [MembersModule],
      inject: [MembersService],
      useFactory: (members: MembersService) => ({
        verifyCredentials: (email, password) => members.verify(email, password),
        usernameField: 'email',
      }),
    }),
    // #endregion
  ],
  controllers: [DeviceAuthController],
})
export class AppModule {}
