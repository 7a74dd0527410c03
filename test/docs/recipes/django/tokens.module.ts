import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxModule } from 'nestjs-knox';
import { DjangoAuthToken, DjangoUser } from 'nestjs-knox/django';

@Module({
  imports: [
    TypeOrmModule.forFeature([DjangoUser]),
    KnoxModule.forRoot({ tokenEntity: DjangoAuthToken, controller: false }),
  ],
})
export class TokensModule {}
