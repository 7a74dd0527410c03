import { Scope, type DynamicModule } from '@nestjs/common';
import { getDataSourceToken, getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Column, DataSource, Entity, JoinColumn, OneToOne } from 'typeorm';
import { AbstractAuthToken, AuthToken, KnoxConfigError, TokenService } from '../../lib/index.ts';
import { SECRET } from '../options/options.table.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  saveUser,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

/** Its `user` is a number instead of a relation. */
@Entity()
class NumberedToken extends AbstractAuthToken {
  @Column({ type: 'integer' })
  user!: User;
}

@Entity()
class OneToOneToken extends AbstractAuthToken {
  @OneToOne(() => User)
  @JoinColumn({ name: 'user_id' })
  user!: User;
}

class TokenThatIsNoEntity extends AbstractAuthToken {
  user!: User;
}

/** A data source that reports another type, because the drivers of those types are not installed. */
function databaseOfType(type: string): DynamicModule {
  class ForeignDataSource extends DataSource {
    override async initialize(): Promise<this> {
      await super.initialize();
      Object.assign(this, { options: { ...this.options, type, password: SECRET } });
      return this;
    }
  }
  const provider = {
    provide: getDataSourceToken(),
    useFactory: () =>
      new ForeignDataSource({
        type: 'better-sqlite3',
        database: ':memory:',
        entities: [User, AuthToken],
      }).initialize(),
  };
  class ForeignDatabaseModule {}
  return {
    module: ForeignDatabaseModule,
    global: true,
    providers: [provider],
    exports: [provider],
  };
}

async function refusal(...imports: DynamicModule[]): Promise<KnoxConfigError> {
  const error = await startError({ imports });
  expect(error).toBeInstanceOf(KnoxConfigError);
  return error as KnoxConfigError;
}

afterEach(closeModules);

describe('The data source of KnoxModule', () => {
  it('is the default one by default', async () => {
    const app = await startModule({ imports: [memoryDatabase(), knox()] });
    await app.get(TokenService).create(await saveUser(app));
    expect(await app.get(DataSource).getRepository(AuthToken).count()).toBe(1);
  });

  it('is the one that dataSource names', async () => {
    const databases = [memoryDatabase(), memoryDatabase({ name: 'second' })];
    const app = await startModule({ imports: [...databases, knox({ dataSource: 'second' })] });
    const { authToken } = await app.get(TokenService).create(await saveUser(app, 'second'));
    expect(await app.get(DataSource).getRepository(AuthToken).count()).toBe(0);
    const rows = app.get(getRepositoryToken(AuthToken, 'second'));
    expect(await rows.find()).toMatchObject([{ digest: authToken.digest }]);
  });

  it('may be the only one, and named', async () => {
    const imports = [memoryDatabase({ name: 'only' }), knox({ dataSource: 'only' })];
    const app = await startModule({ imports });
    const { token } = await app.get(TokenService).create(await saveUser(app, 'only'));
    expect((await app.get(TokenService).authenticate(token)).user).toBeInstanceOf(User);
  });

  it('takes the token entity by autoLoadEntities', async () => {
    const database = TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: ':memory:',
      synchronize: true,
      autoLoadEntities: true,
    });
    const imports = [database, TypeOrmModule.forFeature([User]), knox()];
    const app = await startModule({ imports });
    const { token } = await app.get(TokenService).create(await saveUser(app));
    expect((await app.get(TokenService).authenticate(token)).user).toBeInstanceOf(User);
  });

  it('may be brought up after the start; until then all is unavailable', async () => {
    const database = TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: ':memory:',
      synchronize: true,
      entities: [User, AuthToken],
      manualInitialization: true,
    });
    const app = await startModule({ imports: [database, knox()] }, new LogRecorder());
    const tokens = app.get(TokenService);
    await expect(tokens.authenticate('f'.repeat(64))).rejects.toMatchObject({
      status: 503,
      code: 'unavailable',
    });
    await app.get(DataSource).initialize();
    const { token } = await tokens.create(await saveUser(app));
    expect((await tokens.authenticate(token)).user).toBeInstanceOf(User);
  });

  describe('stops the start where', () => {
    it('there is none', async () => {
      const { message } = await refusal(knox());
      expect(message).toBe(
        'KnoxModule option "dataSource": there is no default TypeORM data source; import ' +
          'TypeOrmModule.forRoot(…) in the root module, or name another one.',
      );
    });

    it('there is none of this name', async () => {
      const { message } = await refusal(memoryDatabase(), knox({ dataSource: 'second' }));
      expect(message).toBe(
        'KnoxModule option "dataSource": there is no second TypeORM data source; import ' +
          'TypeOrmModule.forRoot(…) in the root module, or name another one.',
      );
    });

    it('it does not know the default token entity', async () => {
      const { message } = await refusal(memoryDatabase({ entities: [User] }), knox());
      expect(message).toBe(
        'KnoxModule option "tokenEntity": the data source does not know AuthToken; add it to the ' +
          "data source's entities, or set autoLoadEntities: true.",
      );
    });

    it('it does not know the application’s token entity', async () => {
      const { message } = await refusal(
        memoryDatabase(),
        knox({ tokenEntity: TokenThatIsNoEntity }),
      );
      expect(message).toContain(
        '"tokenEntity": the data source does not know TokenThatIsNoEntity;',
      );
    });

    it.each([
      ['a column', NumberedToken],
      ['another kind of relation', OneToOneToken],
    ])('the "user" of the token entity is %s', async (_, tokenEntity) => {
      const { message } = await refusal(
        memoryDatabase({ entities: [User, tokenEntity] }),
        knox({ tokenEntity }),
      );
      expect(message).toBe(
        `KnoxModule option "tokenEntity": ${tokenEntity.name} needs a relation "user" of one join ` +
          "column; write @ManyToOne(() => Owner, { onDelete: 'CASCADE', nullable: false }) " +
          "@JoinColumn({ name: 'user_id' }) user!: Owner.",
      );
    });

    it.each([false, true])('it is request-scoped (durable: %s)', async (durable) => {
      const provider = {
        provide: getDataSourceToken(),
        scope: Scope.REQUEST,
        durable,
        useFactory: () =>
          new DataSource({
            type: 'better-sqlite3',
            database: ':memory:',
            entities: [User, AuthToken],
          }).initialize(),
      };
      class TenantModule {}
      const tenants = {
        module: TenantModule,
        global: true,
        providers: [provider],
        exports: [getDataSourceToken()],
      };
      const { message } = await refusal(tenants, knox());
      expect(message).toMatch(/option "dataSource": the data source is request-scoped/);
    });

    it('userRelations names none of the owner’s', async () => {
      const { message } = await refusal(memoryDatabase(), knox({ userRelations: ['roles'] }));
      expect(message).toBe('KnoxModule option "userRelations": User has no relation "roles".');
    });

    it.each(['sqljs', 'cockroachdb', 'mssql', 'oracle', 'aurora-mysql'])(
      'its driver is not supported: %s',
      async (type) => {
        const error = await refusal(databaseOfType(type), knox());
        expect(error.message).toBe(
          `KnoxModule option "dataSource": a data source of type "${type}" is not supported; ` +
            'use better-sqlite3, postgres, mariadb or mysql.',
        );
        expect(String(error.stack)).not.toContain(SECRET);
      },
    );
  });
});
