import { randomUUID } from 'node:crypto';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import * as argon2 from '@node-rs/argon2';
import { AuthToken, CurrentUser, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('users')
class User {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', unique: true }) username!: string;
  @Column({ type: 'varchar' }) passwordHash!: string;
}

// An unknown user takes as long as a wrong password: response times must not tell who exists.
const dummyHash = await argon2.hash(randomUUID());

async function verify(dataSource: DataSource, username: string, password: string) {
  const user = await dataSource.getRepository(User).findOneBy({ username });
  return (await argon2.verify(user?.passwordHash ?? dummyHash, password)) ? user : null;
}

@Controller('me')
@UseGuards(KnoxAuthGuard)
class MeController {
  @Get()
  me(@CurrentUser() user: User) {
    return { username: user.username };
  }
}

const database = { type: 'better-sqlite3', database: process.env.DATABASE ?? 'app.db' } as const;

@Module({
  imports: [
    TypeOrmModule.forRoot({ ...database, entities: [User, AuthToken], synchronize: true }),
    KnoxModule.forRootAsync({
      inject: [DataSource],
      useFactory: (dataSource: DataSource) => ({
        verifyCredentials: (username, password) => verify(dataSource, username, password),
      }),
    }),
  ],
  controllers: [MeController],
})
class AppModule {}

const app = await NestFactory.create(AppModule);
const ada = { username: 'ada', passwordHash: await argon2.hash('correct horse') };
await app.get(DataSource).getRepository(User).upsert(ada, ['username']);
await app.listen(process.env.PORT ?? 3000);
