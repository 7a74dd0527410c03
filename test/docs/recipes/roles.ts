import { Controller, Delete, Injectable, Module } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { InjectRepository } from '@nestjs/typeorm';
// #region roles
import { APP_GUARD, Reflector } from '@nestjs/core';
import { KnoxAuthGuard, KnoxModule, userOf } from 'nestjs-knox';
import { Column, Entity, JoinTable, ManyToMany, PrimaryGeneratedColumn } from 'typeorm';

@Entity('roles')
export class Role {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  name!: string;
}

@Entity('users')
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  username!: string;

  // … and the password's hash, as before

  @ManyToMany(() => Role)
  @JoinTable()
  roles!: Role[];
}

export const Roles = Reflector.createDecorator<string[]>();

@Injectable()
export class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    const allowed = this.reflector.getAllAndOverride(Roles, targets) as string[] | undefined;
    if (!allowed) return true;
    const user = userOf<User>(context);
    return user?.roles.some(({ name }) => allowed.includes(name)) ?? false;
  }
}

@Controller('accounts')
export class AccountsController {
  @Roles(['admin'])
  @Delete()
  deleteAll() {
    return { deleted: true };
  }
}
// #endregion

@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async verify(username: string, password: string): Promise<User | null> {
    return password === 'hunter2' ? this.users.findOneBy({ username }) : null;
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([User])],
  providers: [UsersService],
  exports: [UsersService],
})
export class UsersModule {}

// #region roles
@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        userRelations: ['roles'],
      }),
    }),
  ],
  controllers: [AccountsController],
  providers: [
    { provide: APP_GUARD, useClass: KnoxAuthGuard }, // first: it finds the user
    { provide: APP_GUARD, useClass: RolesGuard },
  ],
})
export class AppModule {}
// #endregion
