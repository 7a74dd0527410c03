import { AbstractAuthToken } from './abstract-auth-token.entity.ts';
import {
  AbilitiesColumn,
  AuthenticatedColumn,
  IpColumn,
  LastUsedColumn,
  NameColumn,
  UserAgentColumn,
} from './feature-columns.ts';

/**
 * The columns of a token and those of all features. An application whose owner is not named `User`, or that wants more
 * columns, extends this class, adds the `user` relation, and gives the class as `tokenEntity`.
 */
export abstract class AbstractSessionToken<
  Owner extends object = object,
> extends AbstractAuthToken<Owner> {
  /** What the user calls the device: 1 to 100 characters; null: nothing. */
  @NameColumn()
  name!: string | null;

  /** What it may do; null: everything. */
  @AbilitiesColumn()
  abilities!: string[] | null;

  /** When it was last presented, give or take `lastUsedInterval`; null: never. */
  @LastUsedColumn()
  lastUsed!: Date | null;

  /** The address of the login, then of the last use, shortened as `storedIp` says; null: unknown. */
  @IpColumn()
  ip!: string | null;

  /** The User-Agent of the login, then of the last use, cut to 255 characters; null: unknown. */
  @UserAgentColumn()
  userAgent!: string | null;

  /** When its holder last proved a password; null: when it was created. */
  @AuthenticatedColumn()
  authenticated!: Date | null;
}
