import { Controller, Get, Header, Injectable, Res, Sse, UseGuards } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { AuthGuard } from '@nestjs/passport';
import { afterEach, describe, expect, it } from '@jest/globals';
import { of, type Observable } from 'rxjs';
import { CurrentUser, KnoxAuthGuard, type KnoxModuleOptions } from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { cookieHeader, cookiesOf, COOKIE_NAME, tokenCookieOf } from '../support/cookies.ts';
import { STAGES } from '../support/databases.ts';
import type { Answer } from '../support/http-client.ts';

const START = Date.UTC(2026, 2, 29, 0, 30);
const HOUR_MS = 3_600_000;

interface Response {
  header(name: string, value: string): unknown;
}

@Controller('pages')
class PagesController {
  @Get('passport')
  @UseGuards(AuthGuard('knox'))
  passport(): object {
    return {};
  }

  @Get('twice')
  @UseGuards(AuthGuard('knox'), KnoxAuthGuard)
  twice(): object {
    return {};
  }

  @Get('cached')
  @UseGuards(KnoxAuthGuard)
  @Header('Cache-Control', 'public, max-age=3600')
  cached(): object {
    return {};
  }

  @Sse('events')
  @UseGuards(KnoxAuthGuard)
  events(@CurrentUser('username') username: string): Observable<{ data: string }> {
    return of({ data: username });
  }

  @Get('theme')
  @UseGuards(KnoxAuthGuard)
  theme(@Res({ passthrough: true }) response: Response): object {
    response.header('X-Theme', 'dark');
    return {};
  }
}

@Resolver()
@Injectable()
class MeResolver {
  @Query(() => String)
  @UseGuards(KnoxAuthGuard)
  me(@CurrentUser('username') username: string): string {
    return username;
  }
}

let test: TestApp;
let token: string;

/** Starts with autoRefresh, and makes a token at START. */
async function start(options: Parameters<typeof startApp>[0] = {}): Promise<void> {
  const knox: KnoxModuleOptions = { cookie: true, autoRefresh: true, ...options.knox };
  test = await startApp({ controllers: [PagesController], ...options, knox });
  freezeTime(START);
  ({ token } = await test.tokens.create(test.john));
}

/** Uses the token in the cookie `ms` after START. */
async function useAt(ms: number, path = '/me', headers: object = {}): Promise<Answer> {
  freezeTime(START + ms);
  const answer = await test.client.get(path, { headers: { ...cookieHeader(token), ...headers } });
  expect(answer.status).toBe(200);
  return answer;
}

const maxAgeIn = (answer: Answer) =>
  tokenCookieOf(answer)?.attributes.find((attribute) => attribute.startsWith('Max-Age'));

afterEach(async () => {
  restoreTime();
  await test.close();
});

describe.each(STAGES)('A refresh on %s with %s', (database, adapter) => {
  it('sets the cookie anew, with the token’s new time', async () => {
    await start({ database, adapter });
    const answer = await useAt(HOUR_MS);
    expect(cookiesOf(answer)).toEqual([
      {
        name: COOKIE_NAME,
        value: token,
        attributes: ['Max-Age=36000', 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict'],
      },
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body.expiry).toBe(new Date(START + 11 * HOUR_MS).toISOString());
  });
});

describe.each<AdapterName>(['express', 'fastify'])('The cookie on %s', (adapter) => {
  it('is set anew only when the token is refreshed', async () => {
    await start({ adapter });
    expect(cookiesOf(await useAt(59_000))).toEqual([]);
    expect(cookiesOf(await useAt(61_000))).toHaveLength(1);
    expect(cookiesOf(await useAt(62_000))).toEqual([]);
  });

  it('follows the bound of autoRefreshMaxTtl', async () => {
    await start({ adapter, knox: { autoRefreshMaxTtl: '11h' } });
    expect(maxAgeIn(await useAt(9 * HOUR_MS))).toBe('Max-Age=7200');
    expect(cookiesOf(await useAt(10 * HOUR_MS))).toEqual([]);
  });

  it('is not set anew for a token of the Authorization header', async () => {
    await start({ adapter });
    freezeTime(START + HOUR_MS);
    const answer = await test.client.get('/me', { token });
    expect([answer.status, cookiesOf(answer)]).toEqual([200, []]);
    expect(answer.headers['cache-control']).toBeUndefined();
  });

  it('is not set anew if it lives until the browser is closed', async () => {
    await start({ adapter, knox: { cookie: { persistent: false } } });
    expect(cookiesOf(await useAt(HOUR_MS))).toEqual([]);
  });

  it('is not set anew without autoRefresh', async () => {
    await start({ adapter, knox: { autoRefresh: false } });
    expect(cookiesOf(await useAt(HOUR_MS))).toEqual([]);
  });

  it('is kept by no cache, whatever the handler says of its answer', async () => {
    await start({ adapter });
    const refreshed = await useAt(HOUR_MS, '/pages/cached');
    expect(cookiesOf(refreshed)).toHaveLength(1);
    expect(refreshed.headers['cache-control']).toBe('no-store');
    const other = await useAt(HOUR_MS + 1, '/pages/cached');
    expect(cookiesOf(other)).toEqual([]);
    expect(other.headers['cache-control']).toBe('public, max-age=3600');
  });

  it.each(['passport', 'twice'])('is set anew once through Passport: %s', async (page) => {
    await start({ adapter });
    const answer = await useAt(HOUR_MS, `/pages/${page}`);
    expect(cookiesOf(answer).map(({ value }) => value)).toEqual([token]);
  });

  it('is set anew by a stream of events', async () => {
    await start({ adapter });
    const answer = await useAt(HOUR_MS, '/pages/events');
    expect(answer.text).toContain('data: john.doe');
    expect(cookiesOf(answer).map(({ value }) => value)).toEqual([token]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('stands beside the cookies of others', async () => {
    await start({
      adapter,
      configure: (app) => {
        app.use(
          (_: unknown, response: { setHeader(...header: string[]): void }, next: () => void) => {
            response.setHeader('Set-Cookie', 'theme=dark');
            next();
          },
        );
      },
    });
    const answer = await useAt(HOUR_MS, '/pages/theme');
    expect(cookiesOf(answer).map(({ name }) => name)).toEqual(['theme', COOKIE_NAME]);
  });

  it('is cleared by a logout that comes when a refresh is due', async () => {
    await start({ adapter });
    freezeTime(START + HOUR_MS);
    const answer = await test.client.post('/auth/logout', { headers: cookieHeader(token) });
    expect(answer.status).toBe(204);
    expect(cookiesOf(answer)).toMatchObject([{ name: COOKIE_NAME, value: '' }]);
  });
});

/** What Apollo's driver and Mercurius put on the context, as Express has it. */
const CONTEXTS: [driver: string, context: ApolloDriverConfig['context']][] = [
  ['Apollo', ({ req, res }: { req: object; res: object }) => ({ req, res })],
  ['Mercurius', ({ req, res }: { req: object; res: object }) => ({ request: req, reply: res })],
];

it.each(CONTEXTS)(
  'In GraphQL, the cookie is set anew once for an operation, on a context of %s',
  async (_, context) => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      ...(context && { context }),
    });
    await start({ imports: [graphql], providers: [MeResolver] });
    freezeTime(START + HOUR_MS);
    const body = { query: '{ a: me b: me }' };
    const answer = await test.client.post('/graphql', { body, headers: cookieHeader(token) });
    expect(answer.body).toEqual({ data: { a: 'john.doe', b: 'john.doe' } });
    expect(cookiesOf(answer).map(({ value }) => value)).toEqual([token]);
  },
);
