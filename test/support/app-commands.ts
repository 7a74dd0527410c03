import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { AuthToken, CurrentToken, KnoxAuthGuard, TokenService } from '../../lib/index.ts';
import { keyOfName, type Command, type Serve } from './app-process.ts';
import { User } from './users.ts';

/** The routes of every application that runs in an AppProcess. */
@Controller()
export class AppProcessController {
  constructor(protected readonly tokens: TokenService) {}

  @Get('me')
  @UseGuards(KnoxAuthGuard)
  me(@CurrentToken() token: AuthToken<User>): object {
    return { id: token.user.id, expiry: token.expiry };
  }

  @Post('prune')
  @HttpCode(200)
  async prune(): Promise<object> {
    return { count: await this.tokens.deleteExpired() };
  }
}

/** Checks the password without the database, so that only the package sends it statements. */
export function verifyNumberedUser(password: string) {
  return (username: string, sent: string): User | null =>
    sent === password && /^user-\d{1,6}$/.test(username)
      ? Object.assign(new User(), { id: keyOfName(username) })
      : null;
}

/** Obeys the commands of an AppProcess. `create` makes the application; this lets it listen. */
export function obeyCommands(create: (options: Serve) => Promise<INestApplication>): void {
  let app: INestApplication | undefined;

  async function obey({ serve }: Command): Promise<object> {
    await app?.close();
    app = undefined;
    if (!serve) return {};
    app = await create(serve);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address();
    return { url: `http://127.0.0.1:${String(port)}` };
  }

  process.on('message', (command: Command) => {
    obey(command).then(
      (answer) => process.send?.(answer),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
    );
  });
  // End with the parent, even if it was killed.
  process.on('disconnect', () => process.exit());
  process.send?.({});
}
