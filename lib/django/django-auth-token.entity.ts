import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractDjangoAuthToken } from './abstract-django-auth-token.entity.ts';
import { DjangoUser } from './django-user.entity.ts';

const TABLE = 'knox_authtoken';

/**
 * The token entity for a table that Django's knox 5 has made, where the owner is another class than
 * DjangoUser. TypeORM leaves the table alone: neither `synchronize` nor a generated migration touches it.
 *
 * @param owner gives the entity class of the owner, as a relation's first argument does
 * @param table the table's name, where Django has a token model of its own (knox: TOKEN_MODEL)
 */
export function djangoAuthToken<Owner extends object>(
  owner: () => new () => Owner,
  table: string = TABLE,
): new () => AbstractDjangoAuthToken<Owner> {
  @Entity({ name: table, synchronize: false })
  class DjangoAuthToken extends AbstractDjangoAuthToken<Owner> {
    @ManyToOne(owner, { nullable: false })
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
