// Answers requests as `knox` does, and logs in, revokes and prunes when the bench calls for it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Module, type INestApplication } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AuthToken,
  KnoxAuthGuard,
  KnoxModule,
  KnoxUnavailableException,
  TokenService,
} from 'nestjs-knox';
import { DataSource } from 'typeorm';
import { rawToken } from '../credentials.ts';
import { databaseWith, knoxOptions, meController, serve } from './serve.ts';
import { User } from './user.entity.ts';

export interface LoginCost {
  readonly p50Ms: number;
  readonly cpuMs: number;
}

export interface Pruned {
  readonly deleted: number;
  readonly seconds: number;
}

export interface LoggedOut {
  /** How often it was asked: each time it deletes for as long as an answer may take. */
  readonly calls: number;
  readonly seconds: number;
  /** The longest time that the event loop was held up, in milliseconds. */
  readonly pauseMs: number;
}

@Module({
  imports: [TypeOrmModule.forRoot(databaseWith(AuthToken)), KnoxModule.forRoot(knoxOptions)],
  controllers: [meController(KnoxAuthGuard)],
})
class AppModule {}

await serve(AppModule, (app) => ({
  logins: (terms: Logins) => logins(app, terms),
  forget: ({ user }: { user: number }) => forget(app, user),
  deleteExpired: () => deleteExpired(app),
  churn: (terms: Churn) => churn(app, terms),
  revokeAll: ({ user }: { user: number }) => revokeAll(app, user),
  longestPause: ({ ms }: { ms: number }) => longestPause(ms),
}));

/** Logouts of the tokens with these numbers, each after a login of another user. */
export interface Churn {
  readonly numbers: readonly number[];
  /** The users are those with the keys 1 to `users`. */
  readonly users: number;
}

/** How many users log in and out at once. */
const AT_ONCE = 16;

async function churn(app: INestApplication, { numbers, users }: Churn): Promise<void> {
  const tokens = app.get(TokenService);
  let next = 0;
  const visit = async (): Promise<void> => {
    while (next < numbers.length) {
      const number = numbers[next++]!;
      await tokens.create({ id: 1 + (number % users) });
      await tokens.revoke(rawToken(number));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
}

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

async function revokeAll(app: INestApplication, user: number): Promise<LoggedOut> {
  const owner = await app.get(DataSource).getRepository(User).findOneByOrFail({ id: user });
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  pauses.enable();
  const start = performance.now();
  const tokens = app.get<TokenService>(TokenService);
  const attempt = (): Promise<boolean> =>
    tokens.revokeAll(owner).then(
      () => true,
      (error: unknown) => {
        if (error instanceof KnoxUnavailableException) return false;
        throw error;
      },
    );
  let calls = 1;
  while (!(await attempt())) calls += 1;
  const seconds = (performance.now() - start) / 1000;
  pauses.disable();
  return { calls, seconds, pauseMs: pauses.max / 1e6 };
}

/** The longest time that the event loop is held up in the next `ms` milliseconds. */
async function longestPause(ms: number): Promise<number> {
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  pauses.enable();
  await new Promise((resolve) => setTimeout(resolve, ms));
  pauses.disable();
  return pauses.max / 1e6;
}
