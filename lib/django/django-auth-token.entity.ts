import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractDjangoAuthToken } from './abstract-django-auth-token.entity.ts';
import { requireOwnerLeftAlone } from './django-entity.check.ts';
import { DjangoUser } from './django-user.entity.ts';

const TABLE = 'knox_authtoken';

/**
 * Makes a token entity for a table of Django's knox 5 whose owner is not DjangoUser. Neither `synchronize` nor a
 * generated migration of TypeORM touches the table.
 *
 * @param owner returns the entity class of the owner, like the first argument of a relation
 * @param table the table's name, if Django has another token model (knox: TOKEN_MODEL). Default `'knox_authtoken'`
 */
export function djangoAuthToken<Owner extends object>(
  owner: () => new () => Owner,
  table: string = TABLE,
): new () => AbstractDjangoAuthToken<Owner> {
  @Entity({ name: table, synchronize: false })
  class DjangoAuthToken extends AbstractDjangoAuthToken<Owner> {
    // TypeORM asks for the class before it synchronizes, also where no application starts, as in its command line.
    @ManyToOne(() => requireOwnerLeftAlone(owner()), { nullable: false })
    @JoinColumn({ name: 'user_id' })
    override user!: Owner;
  }
  return DjangoAuthToken;
}

/** The token entity for Django's `knox_authtoken`, whose owner is a DjangoUser. */
@Entity({ name: TABLE, synchronize: false })
export class DjangoAuthToken extends AbstractDjangoAuthToken<DjangoUser> {
  @ManyToOne(() => DjangoUser, { nullable: false })
  @JoinColumn({ name: 'user_id' })
  override user!: DjangoUser;
}
