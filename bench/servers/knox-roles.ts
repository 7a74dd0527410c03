// This package with an owner that has roles, by a join table.
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { Role, ROLES_PER_USER, User } from './roles.entities.ts';
import { databaseWith, knoxOptions, meController, meOf, serve } from './serve.ts';

function answer(user: User): object {
  if (user.roles.length !== ROLES_PER_USER) throw new Error('The roles were not loaded.');
  return meOf(user);
}

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(User, Role, AuthToken)),
    KnoxModule.forRoot({ ...knoxOptions, userRelations: ['roles'] }),
  ],
  controllers: [meController(KnoxAuthGuard, answer)],
})
class AppModule {}

await serve(AppModule);
