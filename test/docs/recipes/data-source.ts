import { AuthToken } from 'nestjs-knox';
import { DataSource } from 'typeorm';
import { User } from './user.entity.ts';

export default new DataSource({
  type: 'postgres',
  url: process.env.DATABASE_URL ?? '',
  entities: [User, AuthToken],
  migrations: ['dist/migrations/*.js'],
});
