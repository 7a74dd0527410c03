import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import * as argon2 from '@node-rs/argon2';
import { AuthToken, CurrentUser, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { BaseEntity, Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('users')
class User extends BaseEntity {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ unique: true }) username!: string;
  @Column() hash!: string;
}

// An unknown user takes as long as a wrong password: response times must not tell who exists.
const dummyHash = await argon2.hash('of nobody');
async function verifyCredentials(username: string, password: string) {
  const user = await User.findOneBy({ username });
  return (await argon2.verify(user?.hash ?? dummyHash, password)) ? user : null;
}

@Controller('me')
@UseGuards(KnoxAuthGuard)
class MeController {
  @Get() me(@CurrentUser() user: User) {
    return { username: user.username };
  }
}

const entities = [User, AuthToken];
const db = { type: 'better-sqlite3', database: 'quick.db', entities, synchronize: true } as const;
@Module({
  imports: [TypeOrmModule.forRoot(db), KnoxModule.forRoot({ verifyCredentials })],
  controllers: [MeController],
})
class AppModule {}

const app = await NestFactory.create(AppModule);
await User.upsert({ username: 'ada', hash: await argon2.hash('correct horse') }, ['username']);
await app.listen(process.env.PORT ?? 3000);
