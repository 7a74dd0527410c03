import { AfterLoad, Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { djangoAuthToken, DjangoUser } from '../../lib/django/index.ts';

/** An owner with an @AfterLoad listener, so that TypeORM has to load it. */
@Entity({ name: 'auth_user', synchronize: false })
export class ListeningUser extends DjangoUser {
  isLoaded?: boolean;

  @AfterLoad()
  markLoaded(): void {
    this.isLoaded = true;
  }
}

export const ListeningToken = djangoAuthToken(() => ListeningUser);

/** A table of the application beside Django's. */
@Entity('notes')
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  text!: string;

  @ManyToOne(() => DjangoUser, { nullable: false })
  author!: DjangoUser;
}
