// Not under load: logins and deleteExpired, when the bench calls for them.
import { Module, type INestApplication } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxModule, TokenService } from 'nestjs-knox';
import { DataSource } from 'typeorm';
import { databaseWith, knoxOptions, serve } from './serve.ts';
import { User } from './user.entity.ts';

export interface LoginCost {
  readonly p50Ms: number;
  readonly cpuMs: number;
}

export interface Pruned {
  readonly deleted: number;
  readonly seconds: number;
}

@Module({
  imports: [TypeOrmModule.forRoot(databaseWith(AuthToken)), KnoxModule.forRoot(knoxOptions)],
})
class AppModule {}

await serve(AppModule, (app) => ({
  logins: (terms: Logins) => logins(app, terms),
  forget: ({ user }: { user: number }) => forget(app, user),
  deleteExpired: () => deleteExpired(app),
}));

interface Logins {
  readonly user: number;
  readonly limit: number | null;
  readonly count: number;
}

/** Logs the user in `count` times, one after another. Returns the cost of one login. */
async function logins(app: INestApplication, { user, limit, count }: Logins): Promise<LoginCost> {
  const tokens = app.get<TokenService>(TokenService);
  const owner = await app.get(DataSource).getRepository(User).findOneByOrFail({ id: user });
  const times: number[] = [];
  const cpu = process.cpuUsage();
  for (let made = 0; made < count; made += 1) {
    const start = performance.now();
    await tokens.create(owner, { limit });
    times.push(performance.now() - start);
  }
  const { user: inUser, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  return { p50Ms: times[Math.floor(count / 2)]!, cpuMs: (inUser + system) / 1000 / count };
}

/** Deletes the tokens that `logins` made: they are newer than this process. */
async function forget(app: INestApplication, user: number): Promise<void> {
  const startOfProcess = Math.floor(performance.timeOrigin);
  await app
    .get(DataSource)
    .query('DELETE FROM knox_auth_token WHERE user_id = $1 AND created > $2', [
      user,
      startOfProcess,
    ]);
}

async function deleteExpired(app: INestApplication): Promise<Pruned> {
  const start = performance.now();
  const deleted = await app.get(TokenService).deleteExpired();
  return { deleted, seconds: (performance.now() - start) / 1000 };
}
