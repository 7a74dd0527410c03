import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxModule, SessionToken } from 'nestjs-knox';
import { KeysController } from './keys.controller.js';
import { OfficeController } from './office.controller.js';
import { OrdersController } from './orders.controller.js';
import { StaffToken } from './staff-token.entity.js';
import { StaffModule } from './staff.module.js';
import { StaffService } from './staff.service.js';
import { UsersModule } from './users.module.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE ?? 'sessions.db',
      enableWAL: true,
      autoLoadEntities: true,
      synchronize: true, // for development only: use migrations in production
    }),
    UsersModule,
    StaffModule,
    KnoxModule.forRootAsync({
      tokenEntity: SessionToken, // it has the columns that switch sessions and abilities on
      sessions: true,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        tokenTtl: '30d',
        tokenLimitPerUser: 5,
        tokenLimitPolicy: 'evict-least-used',
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
  ],
  controllers: [OrdersController, KeysController, OfficeController],
})
export class AppModule {}
