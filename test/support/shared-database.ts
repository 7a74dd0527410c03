import {
  Column,
  DataSource,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  type DataSourceOptions,
} from 'typeorm';
import { AbstractAuthToken, type KnoxModuleOptions } from '../../lib/index.ts';
import { createDatabase, type TestDatabase } from './databases.ts';
import type { Answer } from './http-client.ts';
import { startOwnerApp, type OwnerApp } from './owner-app.ts';

export type ServerName = 'postgres' | 'mariadb';

/** Connections in the pool of an application: few, so that a test can take them all. */
export const POOL_SIZE = 2;

/** An owner whose columns look different under other settings of a session: key, padding, time zone. */
@Entity('members')
export class Member {
  @PrimaryColumn({ type: 'varchar', length: 100 })
  username!: string;

  @Column({ type: 'char', length: 5 })
  locale!: string;

  @Column({ type: 'timestamp' })
  joined!: Date;
}

@Entity('member_token')
export class MemberToken extends AbstractAuthToken<Member> {
  @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'username' })
  user!: Member;
}

const PASSWORD = 'hunter2';

/** Statements by which another session blocks writes. None of them blocks lookups. */
const LOCKS = {
  postgres: {
    table: ['BEGIN', "SET LOCAL lock_timeout = '2s'", 'LOCK TABLE member_token IN SHARE MODE'],
    owners: ['BEGIN', 'SELECT username FROM members FOR UPDATE'],
    tokens: ['BEGIN', 'SELECT digest FROM member_token FOR UPDATE'],
  },
  mariadb: {
    table: ['LOCK TABLES member_token READ WAIT 2'],
    owners: ['BEGIN', 'SELECT username FROM members FOR UPDATE'],
    tokens: ['BEGIN', 'SELECT digest FROM member_token FOR UPDATE'],
  },
};

const UNLOCK = { postgres: ['ROLLBACK'], mariadb: ['ROLLBACK', 'UNLOCK TABLES'] };

export type LockName = keyof (typeof LOCKS)[ServerName];

/** How many sessions of this database wait for a lock; on MariaDB, run a statement for so long that it must. */
const WAITING = {
  postgres: `SELECT COUNT(*) AS total FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  // InnoDB's tables of waits are useless here: they stay as they are while they are polled.
  mariadb: `SELECT COUNT(*) AS total FROM information_schema.processlist
    WHERE db = DATABASE() AND id <> CONNECTION_ID() AND command = 'Query' AND time_ms > 50`,
};

/**
 * An account for one application. On PostgreSQL it may change every setting of its session; on MariaDB
 * it has its rights by its default role only, so that a session can give them up.
 */
const CREATE_ACCOUNT = {
  postgres: (account: string) => [`CREATE ROLE ${account} LOGIN SUPERUSER PASSWORD '${PASSWORD}'`],
  mariadb: (account: string, database: string) => [
    `CREATE ROLE ${account}_role`,
    `GRANT ALL ON ${database}.* TO ${account}_role`,
    `CREATE USER ${account} IDENTIFIED BY '${PASSWORD}'`,
    `GRANT ${account}_role TO ${account}`,
    `SET DEFAULT ROLE ${account}_role FOR ${account}`,
  ],
};
const DROP_ACCOUNT = {
  postgres: (account: string) => [`DROP ROLE ${account}`],
  mariadb: (account: string) => [`DROP USER ${account}`, `DROP ROLE ${account}_role`],
};

export interface SharedAppOptions {
  /** The database user it connects as; by default the one that the database was made by. */
  account?: string | undefined;
  dataSource?: object | undefined;
  knox?: Partial<KnoxModuleOptions> | undefined;
}

/** A database that several applications use, and that a test looks at from outside of them. */
export class SharedDatabase {
  readonly name: ServerName;
  /** Connections that no application uses. */
  readonly direct: DataSource;
  readonly #database: TestDatabase;
  readonly #members = new Map<string, Member>();
  readonly #accounts: string[] = [];

  private constructor(name: ServerName, database: TestDatabase, direct: DataSource) {
    this.name = name;
    this.#database = database;
    this.direct = direct;
  }

  static async create(name: ServerName): Promise<SharedDatabase> {
    const database = await createDatabase(name);
    const options = { entities: [Member, MemberToken], synchronize: true, poolSize: 4 };
    const direct = new DataSource({ ...database.options, ...options } as DataSourceOptions);
    return new SharedDatabase(name, database, await direct.initialize());
  }

  async addMember(username: string): Promise<Member> {
    const joined = new Date(Date.UTC(2026, 5, 1, 12));
    const member = Object.assign(new Member(), { username, locale: 'nl', joined });
    await this.direct.getRepository(Member).insert(member);
    return this.know(member);
  }

  /** Has the applications accept this user's credentials, whether or not the database has the user. */
  know(member: Member): Member {
    this.#members.set(member.username, member);
    return member;
  }

  async createAccount(account: string): Promise<void> {
    const database = String(this.#database.options.database);
    for (const sql of CREATE_ACCOUNT[this.name](account, database)) await this.direct.query(sql);
    this.#accounts.push(account);
  }

  /** Credentials are verified without the database, so that all queries are the package's. */
  start({ account, dataSource, knox }: SharedAppOptions = {}): Promise<OwnerApp<MemberToken>> {
    return startOwnerApp<MemberToken>({
      dataSource: {
        ...this.#database.options,
        ...(account !== undefined && { username: account, password: PASSWORD }),
        entities: [Member, MemberToken],
        synchronize: false,
        poolSize: POOL_SIZE,
        ...dataSource,
      } as DataSourceOptions,
      owner: Member,
      knox: {
        tokenEntity: MemberToken,
        verifyCredentials: (username) => this.#members.get(username) ?? null,
        ...knox,
      },
    });
  }

  /**
   * Takes a lock in a session that no application uses, and gives what releases it. Fails where a
   * lock that was left behind stands in its way.
   */
  async lock(lock: LockName): Promise<() => Promise<void>> {
    const runner = this.direct.createQueryRunner();
    const unlock = async () => {
      for (const sql of UNLOCK[this.name]) await runner.query(sql);
      await runner.release();
    };
    try {
      for (const sql of LOCKS[this.name][lock]) await runner.query(sql);
    } catch (error) {
      await unlock();
      throw error;
    }
    return unlock;
  }

  async waitingSessions(): Promise<number> {
    const [row] = await this.direct.query(WAITING[this.name]);
    return Number(row.total);
  }

  /** How many tokens of this owner are committed. */
  countTokens({ username }: Member): Promise<number> {
    return this.direct.getRepository(MemberToken).countBy({ user: { username } });
  }

  async deleteTokens(): Promise<void> {
    await this.direct.getRepository(MemberToken).deleteAll();
  }

  async drop(): Promise<void> {
    for (const account of this.#accounts) {
      for (const sql of DROP_ACCOUNT[this.name](account)) await this.direct.query(sql);
    }
    await this.direct.destroy();
    await this.#database.drop();
  }
}

/** Asks the guarded route that answers with the owner. */
export function me({ client }: OwnerApp<MemberToken>, token: string): Promise<Answer> {
  return client.get('/owner', { token });
}

export function login({ client }: OwnerApp<MemberToken>, { username }: Member): Promise<Answer> {
  return client.post('/auth/login', { body: { username, password: PASSWORD } });
}

export function logout({ client }: OwnerApp<MemberToken>, token: string): Promise<Answer> {
  return client.post('/auth/logout', { token });
}

export function logoutAll({ client }: OwnerApp<MemberToken>, token: string): Promise<Answer> {
  return client.post('/auth/logoutall', { token });
}
