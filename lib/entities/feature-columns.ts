import { Column, type ColumnOptions } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import { parseAbilities } from '../tokens/abilities.ts';
import { instantTransformer } from './instant.transformer.ts';

/** The property of each column that switches a feature on, where a token entity has it. */
export const FEATURES = [
  'name',
  'abilities',
  'lastUsed',
  'ip',
  'userAgent',
  'authenticated',
] as const;

/** A property that switches a feature on. */
export type Feature = (typeof FEATURES)[number];

/** Marks the prototypes of classes that have our columns, and not an application's own of the same name. */
const MARKS = Object.fromEntries(
  FEATURES.map((feature) => [feature, Symbol.for(`nestjs-knox:column:${feature}`)]),
) as Record<Feature, symbol>;

/** Whether the token's class, or one that it extends, has the column of this feature. */
export function hasFeature(token: object, feature: Feature): boolean {
  return (token as Record<symbol, unknown>)[MARKS[feature]] === true;
}

/** What the user calls the device: a string of 1 to 100 characters, or null. */
export const NameColumn = (): PropertyDecorator =>
  featureColumn('name', { name: 'name', type: 'varchar', length: 100 });

/** What a restricted token may do, as an array of strings; null: everything. */
export const AbilitiesColumn = (): PropertyDecorator =>
  featureColumn('abilities', {
    name: 'abilities',
    type: 'text',
    transformer: {
      to: (value: unknown) => (Array.isArray(value) ? JSON.stringify(value) : value),
      from: (value: string | null) => (value === null ? null : parseAbilities(value)),
    },
  });

/** When the token was last presented, give or take `lastUsedInterval`; null: never. */
export const LastUsedColumn = (): PropertyDecorator => instantColumn('lastUsed', 'last_used');

/** The address of the login, then of the last use, shortened as `storedIp` says; null: unknown. */
export const IpColumn = (): PropertyDecorator =>
  featureColumn('ip', { name: 'ip', type: 'varchar', length: 45 });

/** The User-Agent of the login, then of the last use, cut to 255 characters; null: unknown. */
export const UserAgentColumn = (): PropertyDecorator =>
  featureColumn('userAgent', { name: 'user_agent', type: 'varchar', length: 255 });

/** When the token's holder last proved a password; null: when it was created. */
export const AuthenticatedColumn = (): PropertyDecorator =>
  instantColumn('authenticated', 'authenticated');

function instantColumn(feature: Feature, name: string): PropertyDecorator {
  return featureColumn(feature, { name, type: 'bigint', transformer: instantTransformer });
}

/** A nullable column: a table with rows can take it. */
function featureColumn(feature: Feature, options: ColumnOptions): PropertyDecorator {
  return (target, property) => {
    if (property !== feature) {
      throw new KnoxConfigError(
        'tokenEntity',
        `${target.constructor.name}.${String(property)} has the decorator of the property "${feature}"; call the property so.`,
      );
    }
    Column({ ...options, nullable: true })(target, property);
    Object.defineProperty(target, MARKS[feature], { value: true });
  };
}
