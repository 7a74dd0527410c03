import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Staff } from './staff.entity.ts';
import { StaffService } from './staff.service.ts';

@Module({
  imports: [TypeOrmModule.forFeature([Staff])],
  providers: [StaffService],
  exports: [StaffService],
})
export class StaffModule {}
