import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { User } from '../support/users.ts';

export const ENTITIES = [User, AuthToken, Member, DeviceToken];

/** Makes the data source for the `-d` option of TypeORM's command line. */
export function dataSourceOf(database: DataSourceOptions, folder: string): DataSource {
  return new DataSource({
    ...database,
    entities: ENTITIES,
    migrations: [join(folder, '*.js')],
  });
}
