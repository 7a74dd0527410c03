import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import {
  AfterLoad,
  Column,
  Entity,
  ManyToOne,
  PrimaryGeneratedColumn,
  RelationId,
  type EntitySubscriberInterface,
} from 'typeorm';
import { DATABASES } from '../support/databases.ts';
import { withOwners } from '../support/owner-tokens.ts';
import { SqlLog } from '../support/sql-log.ts';

/** The tenant of each request, as an application with many tenants keeps it. */
const tenant = new AsyncLocalStorage<string>();

const current = (): string => tenant.getStore() ?? 'nobody';

/** Reads the tenant as a column's value. */
const asTenant = { to: String, from: current };

abstract class Account {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', length: 40 }) username!: string;
  @Column({ type: 'boolean' }) isActive!: boolean;
}

@Entity('plain_team')
class PlainTeam {
  @PrimaryGeneratedColumn() id!: number;
}

@Entity('team')
class Team {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', length: 20, transformer: asTenant }) tenant!: string;
}

interface Case {
  readonly owner: new () => Account;
  /** For which tenant the application's code has run. */
  readonly seen: (user: never) => string;
  /** Values that the owner has besides those of all. */
  readonly more?: () => object;
  readonly subscriber?: EntitySubscriberInterface;
}

/** A relation that ColumnQuery leaves out, and its key as well, for which TypeORM has to hydrate. */
function InTeam(withKey: boolean): PropertyDecorator {
  return (owner, property) => {
    ManyToOne(() => PlainTeam)(owner, property);
    if (withKey) RelationId(String(property))(owner, 'teamId');
  };
}

/** An owner that ColumnQuery reads, and the same one with the key of a relation, which TypeORM hydrates. */
function transformer(isEntity: boolean): Case {
  @Entity('owner')
  class Owner extends Account {
    @Column({ type: 'varchar', length: 20, transformer: asTenant }) tenant!: string;
    @InTeam(isEntity) team!: PlainTeam;
  }
  return { owner: Owner, seen: (user: Owner) => user.tenant };
}

function constructor(isEntity: boolean): Case {
  @Entity('owner')
  class Owner extends Account {
    readonly tenant: string;
    @InTeam(isEntity) team!: PlainTeam;
    constructor() {
      super();
      this.tenant = current();
    }
  }
  return { owner: Owner, seen: (user: Owner) => user.tenant };
}

function initializer(isEntity: boolean): Case {
  abstract class Base extends Account {
    tenant = current();
  }
  @Entity('owner')
  class Owner extends Base {
    @InTeam(isEntity) team!: PlainTeam;
  }
  return { owner: Owner, seen: (user: Owner) => user.tenant };
}

function setter(isEntity: boolean): Case {
  const tenants = new WeakMap<object, string>();
  @Entity('owner')
  class Owner extends Account {
    @Column({ type: 'varchar', length: 20 })
    set note(_: string) {
      tenants.set(this, current());
    }
    get note(): string {
      return 'note';
    }
    @InTeam(isEntity) team!: PlainTeam;
  }
  return { owner: Owner, seen: (user: Owner) => tenants.get(user) ?? 'none' };
}

function embeddedConstructor(isEntity: boolean): Case {
  class Part {
    @Column({ type: 'varchar', length: 20, default: 'a' }) value!: string;
    readonly tenant = current();
  }
  @Entity('owner')
  class Owner extends Account {
    @Column(() => Part) part!: Part;
    @InTeam(isEntity) team!: PlainTeam;
  }
  return { owner: Owner, seen: (user: Owner) => user.part.tenant };
}

function relatedTransformer(): Case {
  @Entity('owner')
  class Owner extends Account {
    @ManyToOne(() => Team, { eager: true, cascade: true }) team!: Team;
  }
  const more = () => ({ team: { tenant: 'a' } });
  return { owner: Owner, seen: (user: Owner) => user.team.tenant, more };
}

function listener(): Case {
  @Entity('owner')
  class Owner extends Account {
    tenant!: string;
    @AfterLoad() async note(): Promise<void> {
      await Promise.resolve();
      this.tenant = current();
    }
  }
  return { owner: Owner, seen: (user: Owner) => user.tenant };
}

function subscriber(): Case {
  @Entity('owner')
  class Owner extends Account {
    tenant!: string;
  }
  const afterLoad = (entity: object): void => {
    if (entity instanceof Owner) entity.tenant = current();
  };
  return { owner: Owner, seen: (user: Owner) => user.tenant, subscriber: { afterLoad } };
}

const CASES: Record<string, () => Case> = {
  'a column transformer': () => transformer(false),
  'a column transformer beside the key of a relation': () => transformer(true),
  'a constructor': () => constructor(false),
  'a constructor beside the key of a relation': () => constructor(true),
  'an inherited initializer': () => initializer(false),
  'an inherited initializer beside the key of a relation': () => initializer(true),
  'a setter': () => setter(false),
  'a setter beside the key of a relation': () => setter(true),
  'an embedded part’s initializer': () => embeddedConstructor(false),
  'an embedded part’s initializer beside the key of a relation': () => embeddedConstructor(true),
  'a transformer of a related entity': relatedTransformer,
  'a listener': listener,
  'a subscriber': subscriber,
};

/** Drivers differ in the callbacks that they answer in; for those, one case of each way to hydrate is enough. */
const ON_SERVERS = ['a column transformer', 'a column transformer beside the key of a relation'];

const STAGES = DATABASES.flatMap((name) =>
  Object.entries(CASES)
    .filter(([what]) => name === 'sqlite' || ON_SERVERS.includes(what))
    .map(([what, make]) => ({ name, what, make })),
);

describe('the application’s code', () => {
  it.each(STAGES)('runs in its request’s async context: $what, on $name', async (stage) => {
    const { owner, seen, more, subscriber } = stage.make();
    const entities = [PlainTeam, Team];
    await withOwners(stage.name, owner, { entities }, async ({ dataSource, tokens }) => {
      if (subscriber) dataSource.subscribers.push(subscriber);
      const people = dataSource.getRepository<Account>(owner);
      const values = { username: 'ada', isActive: true, note: 'a', tenant: 'a' };
      const users = await people.save(
        people.create(Array.from({ length: 10 }, () => ({ ...values, ...more?.() }))),
      );
      const issued = await Promise.all(users.map((user) => tokens.create(user)));
      const log = new SqlLog(dataSource);
      const ask = (token: string, name: string): Promise<string> =>
        tenant.run(name, async () => seen((await tokens.authenticate(token)).user as never));

      const names = Array.from({ length: 20 }, (_, index) => `tenant ${String(index)}`);
      // Two requests for each token, all in one statement.
      const found = await Promise.all(
        names.map((name, index) => ask(issued[index % 10]!.token, name)),
      );
      expect(found).toEqual(names);
      expect(log.reads).toHaveLength(1);
      expect(await ask(issued[0]!.token, 'alone')).toBe('alone');
    });
  });
});
