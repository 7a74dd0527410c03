// This package with KnoxLiveModule: it watches tokens, and revokes them.
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxAuthGuard, KnoxModule, TokenService } from 'nestjs-knox';
import { KnoxLiveModule, LiveTokens } from 'nestjs-knox/live';
import { rawToken } from '../credentials.ts';
import { databaseWith, knoxOptions, meController, serve } from './serve.ts';

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(AuthToken)),
    KnoxModule.forRoot(knoxOptions),
    KnoxLiveModule.forRoot(),
  ],
  controllers: [meController(KnoxAuthGuard)],
})
class AppModule {}

/** Microseconds, on a clock that all processes of the machine share. */
const now = (): number => Number(process.hrtime.bigint() / 1000n);

await serve(AppModule, (app) => {
  const live = app.get(LiveTokens);
  const tokens = app.get(TokenService);
  const closedAt = new Map<number, number>();
  return {
    /** Watches the tokens with these numbers. */
    async watch(numbers: number[]) {
      await Promise.all(
        numbers.map(async (number) => {
          const { authToken } = await tokens.authenticate(rawToken(number));
          live.watch(authToken).signal.addEventListener('abort', () => closedAt.set(number, now()));
        }),
      );
    },
    /** Revokes them one by one, with a pause between, in milliseconds. Gives when each was asked for and committed. */
    async revoke({ numbers, pauseMs }: { numbers: number[]; pauseMs: number }) {
      const revoked: { number: number; askedAt: number; committedAt: number }[] = [];
      for (const number of numbers) {
        const askedAt = now();
        await tokens.revoke(rawToken(number));
        revoked.push({ number, askedAt, committedAt: now() });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      return revoked;
    },
    /** When the watch of each token ended; without those that go on. */
    closings: () => [...closedAt],
  };
});
