import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import * as argon2 from '@node-rs/argon2';
import { Repository } from 'typeorm';
import { isPassword } from './passwords.js';
import { Staff } from './staff.entity.js';

@Injectable()
export class StaffService {
  constructor(@InjectRepository(Staff) private readonly staff: Repository<Staff>) {}

  async setPassword(name: string, password: string): Promise<void> {
    const passwordHash = await argon2.hash(password);
    await this.staff.upsert({ name, passwordHash }, ['name']);
  }

  async verify(name: string, password: string): Promise<Staff | null> {
    const found = await this.staff.findOne({
      where: { name },
      select: { id: true, name: true, passwordHash: true },
    });
    return (await isPassword(found?.passwordHash, password)) ? found : null;
  }
}
