import type { Type } from '@nestjs/common';
import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  type ColumnOptions,
  type ValueTransformer,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import type { Random } from '../support/random.ts';
import { User } from '../support/users.ts';

/** An entity that tokens may refer to. */
@Entity('strange_device')
export class Device {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 100 })
  name!: string;
}

/** A token entity of random columns, and values for them. */
export interface StrangeToken {
  readonly entity: Type<AbstractAuthToken<User>>;
  /** The properties of its columns, with their names in the table and their kinds, for a failure's message. */
  readonly description: string;
  /** Its relation to a Device; null: it has none. */
  readonly relation: { readonly property: string; readonly isEager: boolean } | null;
  /** Random values for all of its columns, without the relation. */
  values(random: Random): Record<string, unknown>;
}

/** Makes a class with one to five columns of odd names, in a table of an odd name. */
export function strangeToken(random: Random): StrangeToken {
  const properties = new Set(Array.from({ length: 6 }, () => random.pick(PROPERTIES)));
  const names = new Set(Array.from({ length: 12 }, () => random.pick(NAMES)));
  const [joinName, relationName, ...columnNames] = [...names] as [string, string, ...string[]];
  const table = random.pick(TABLES);
  const relation = random.pick(RELATIONS);
  properties.delete(relation);
  const columns = [...properties].slice(0, 5);
  const isEager = random.chance(0.7);
  const hasRelation = random.chance(0.5);

  @Entity(table)
  class StrangeAuthToken extends AbstractAuthToken<User> {
    @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
    @JoinColumn({ name: joinName })
    user!: User;
  }
  const { prototype } = StrangeAuthToken;
  const kinds = new Map<string, Kind>();
  const described: string[] = [`table ${table}`, `user in ${joinName}`];
  for (const [index, property] of columns.entries()) {
    const name = columnNames[index];
    if (name === undefined) break;
    const kind = random.pick(KINDS);
    kinds.set(property, kind);
    Column({ name, nullable: true, ...kind.options })(prototype, property);
    described.push(`${property} in ${name}: ${JSON.stringify(kind.options)}`);
  }
  if (hasRelation) {
    ManyToOne(() => Device, { nullable: true, eager: isEager })(prototype, relation);
    JoinColumn({ name: relationName })(prototype, relation);
    described.push(`${relation} in ${relationName}: a Device${isEager ? ', eager' : ''}`);
  }
  return {
    entity: StrangeAuthToken,
    description: described.join('; '),
    relation: hasRelation ? { property: relation, isEager } : null,
    values: (values) =>
      Object.fromEntries([...kinds].map(([property, kind]) => [property, kind.value(values)])),
  };
}

/** Names of columns and tables that mean something to SQL, to a driver or to a template. TypeORM splits them at a dot. */
const NAMES = [
  'order',
  'select',
  'group by',
  'from',
  'a b',
  'a?b',
  '?',
  '$1',
  ':name',
  '@x',
  '%s',
  "it's",
  '--',
  'a;b',
  '/* */',
  'Größe',
  'UPPER',
  'camelCase',
  'u',
  't',
  'x'.repeat(40),
  '1',
  '#',
  '{}',
  '(a)',
  'a,b',
  'null',
];

/** TypeORM reads a table's schema by a statement that takes no quote in its name. */
const TABLES = NAMES.filter((name) => !name.includes("'"));

/** Names of properties that mean something to JavaScript or to the code that reads entities. */
const PROPERTIES = [
  'then',
  'length',
  'name',
  'hasOwnProperty',
  'valueOf',
  'id',
  'key',
  'order',
  'token',
  'userId',
  'a b',
  'größe',
  '$',
  '_',
  'digests',
  'default',
  'target',
];

/** TypeORM joins a relation by its property's name, which it takes to be an identifier. */
const RELATIONS = PROPERTIES.filter((name) => /^\w+$/.test(name));

interface Kind {
  readonly options: ColumnOptions;
  value(random: Random): unknown;
}

const reverse = (value: string | null): string | null =>
  value && Array.from(value).reverse().join('');

const reversed: ValueTransformer = { to: reverse, from: reverse };

/** What is null in one of them is text in the other. */
const named: ValueTransformer = {
  to: (value: { name: string } | null) => value?.name ?? 'none',
  from: (value: string) => (value === 'none' ? null : { name: value }),
};

const TEXTS = [
  '',
  ' ',
  'a ',
  "'",
  '"',
  "\\'",
  '\\',
  '?',
  '$1',
  ':name',
  '%',
  '{}',
  '[]',
  'null',
  '0',
  '1e400',
  "'; DROP TABLE users; --",
  'é',
  'e\u0301',
  '🔑',
  '\u202e',
  '\n\r\t',
  '__proto__',
  'x'.repeat(200),
];

const text = (random: Random): string => random.pick(TEXTS);
const orNull =
  (value: (random: Random) => unknown) =>
  (random: Random): unknown =>
    random.chance(0.2) ? null : value(random);

const KINDS: readonly Kind[] = [
  { options: { type: 'varchar', length: 255 }, value: orNull(text) },
  { options: { type: 'text' }, value: orNull(text) },
  {
    options: { type: 'int' },
    value: orNull((random) => random.pick([0, -1, 1, 2 ** 31 - 1, -(2 ** 31)])),
  },
  {
    options: { type: 'double precision' },
    value: orNull((random) => random.pick([0, -1.5, 0.1, 1e300, 5e-324])),
  },
  { options: { type: 'boolean' }, value: orNull((random) => random.chance(0.5)) },
  {
    options: { type: 'simple-json' },
    value: orNull((random) =>
      random.pick<object>([
        {},
        [],
        { a: [null, true, { 'b"': "'" }] },
        { then: 1, constructor: 'x' },
        [text(random)],
      ]),
    ),
  },
  { options: { type: 'varchar', length: 255, transformer: reversed }, value: orNull(text) },
  {
    options: { type: 'varchar', length: 255, transformer: named },
    value: orNull((random) => ({ name: `n${text(random)}`.trim() })),
  },
  {
    options: { type: 'varchar', length: 255, default: 'web', nullable: false },
    value: text,
  },
];
