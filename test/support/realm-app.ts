import type { Repository } from 'typeorm';
import {
  AuthToken,
  getTokenServiceToken,
  KnoxModule,
  type KnoxModuleOptions,
  type TokenService,
} from '../../lib/index.ts';
import { PASSWORD, startApp, type TestApp, type TestAppOptions } from './app.ts';
import { Staff, StaffToken } from './staff.ts';
import { User } from './users.ts';

interface RealmAppOptions extends TestAppOptions {
  /** Options of the realm `staff`. */
  staff?: KnoxModuleOptions;
}

/** An application with the realms `api`, of john.doe and jane.doe, and `staff`, of bob and alice. */
export interface RealmApp extends TestApp {
  readonly staffTokens: TokenService<StaffToken>;
  readonly staffRows: Repository<StaffToken>;
  /** Has the same id as john.doe. */
  readonly bob: Staff;
  /** Logs in at the realm `staff`. Gives the raw token. */
  loginStaff(username?: string): Promise<string>;
}

/** Starts it. Passwords are those of startApp; the realm `staff` is at `staff/auth`, with the prefix `st_`. */
export async function startRealmApp({
  staff,
  imports = [],
  ...options
}: RealmAppOptions = {}): Promise<RealmApp> {
  const found: { staff?: Repository<Staff> } = {};
  const verifyCredentials = (username: string, password: string) =>
    password === PASSWORD ? found.staff!.findOneBy({ username }) : null;
  const knoxStaff = KnoxModule.forRoot({
    realm: 'staff',
    tokenEntity: StaffToken,
    path: 'staff/auth',
    tokenPrefix: 'st_',
    verifyCredentials,
    ...staff,
  });
  const test = await startApp({
    entities: [User, AuthToken, Staff, StaffToken],
    // Before the default realm, so that NestJS finds its exports first.
    imports: [knoxStaff, ...imports],
    ...options,
  });
  found.staff = test.dataSource.getRepository(Staff);
  const [bob] = await found.staff.save(
    found.staff.create([{ username: 'bob' }, { username: 'alice' }]),
  );
  return {
    ...test,
    staffTokens: test.app.get<TokenService<StaffToken>>(getTokenServiceToken('staff')),
    staffRows: test.dataSource.getRepository(StaffToken),
    bob: bob as Staff,
    async loginStaff(username = 'bob') {
      const body = { username, password: PASSWORD };
      const answer = await test.client.post('/staff/auth/login', { body });
      if (answer.status !== 200) throw new Error(`Login: ${answer.status} ${answer.text}`);
      return answer.body.token as string;
    },
  };
}
