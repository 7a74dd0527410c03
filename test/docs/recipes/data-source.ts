import { User } from './users.ts';
// #region data-source
import { AuthToken } from 'nestjs-knox';
import { DataSource } from 'typeorm';

export default new DataSource({
  type: 'postgres',
  url: process.env.DATABASE_URL ?? '',
  entities: [User, AuthToken],
  migrations: ['dist/migrations/*.js'],
});
// #endregion
