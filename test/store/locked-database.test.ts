import { createHash } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  DATABASES,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { lockTokens } from '../support/lock-tokens.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { startOwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';

@Controller('ping')
class PingController {
  @Get()
  ping(): string {
    return 'pong';
  }
}

/** What happened while another client had locked the token table, and afterwards. */
interface Outcome {
  readonly during: Readonly<Record<string, Answer>>;
  /** How many answers a route without the database gave during the lock. */
  readonly pings: number;
  readonly log: LogRecorder;
  /** The raw tokens that clients have received, and those of them that worked afterwards. */
  readonly known: string[];
  readonly good: string[];
  /** The digests in the table after the application had shut down. */
  readonly left: string[];
}

const PASSWORD = 'correct horse';

async function lockAndLetGo(name: DatabaseName, database: TestDatabase): Promise<Outcome> {
  const dataSource = { ...database.options, entities: [User, AuthToken] };
  const user = Object.assign(new User(), { username: 'ada', password: '', isActive: true });
  const test = await startOwnerApp({
    dataSource,
    owner: User,
    // Verify credentials without the database: only the package's statements shall wait.
    knox: { authTimeout: '500ms', verifyCredentials: () => user },
    controllers: [PingController],
  });
  const { client } = test;
  const log = new LogRecorder();
  test.app.useLogger(log);
  const me = (token: string) => client.get('/owner', { token });
  const login = () => client.post('/auth/login', { body: { username: 'ada', password: PASSWORD } });

  await test.dataSource.manager.save(user);
  const [kept, second, third] = [
    await test.login('ada'),
    await test.login('ada'),
    await test.login('ada'),
  ] as [string, string, string];

  const release = await lockTokens(name, test.dataSource);
  const requests: Record<string, Promise<Answer>> = {
    'a guarded request': me(kept),
    'a login': login(),
    'a logout': client.post('/auth/logout', { token: second }),
    'a logout of all': client.post('/auth/logoutall', { token: third }),
    'a token that cannot be one': me('x'.repeat(300)),
    'no token': client.get('/owner'),
  };
  const state = { waiting: true };
  const answers = Promise.all(Object.values(requests)).finally(() => (state.waiting = false));
  let pings = 0;
  while (state.waiting) {
    await client.get('/ping');
    pings += Number(state.waiting);
  }
  const during = Object.keys(requests).map(
    async (what) => [what, (await requests[what]) as Answer] as const,
  );
  await answers;
  await release();

  const last = await whenAvailable(login);
  const known = [kept, second, third, last.body.token as string];
  const good: string[] = [];
  for (const token of known) {
    if ((await whenAvailable(() => me(token))).status === 200) good.push(token);
  }
  // Closing waits for the background tasks.
  await test.close();
  const observer = await new DataSource(dataSource).initialize();
  const left = (await observer.getRepository(AuthToken).find()).map(({ digest }) => digest);
  await observer.destroy();
  return { during: Object.fromEntries(await Promise.all(during)), pings, log, known, good, left };
}

async function whenAvailable(request: () => Promise<Answer>): Promise<Answer> {
  const answer = await request();
  return answer.status === 503 ? whenAvailable(request) : answer;
}

describe.each(DATABASES)('while a lock keeps %s from answering', (name) => {
  let outcome: Outcome;
  beforeAll(async () => {
    const database = await createDatabase(name);
    outcome = await lockAndLetGo(name, database);
    await database.drop();
  }, 30_000);

  it.each(['a guarded request', 'a login', 'a logout', 'a logout of all'])(
    'gives %s a 503',
    (what) => {
      const { status, body, headers } = outcome.during[what] as Answer;
      expect([status, body]).toEqual([503, ERRORS.unavailable]);
      expect(headers['www-authenticate']).toBeUndefined();
    },
  );

  it('still refuses requests that need no lookup', () => {
    const { 'a token that cannot be one': malformed, 'no token': none } = outcome.during;
    expect(malformed?.body).toEqual(ERRORS.invalidToken);
    expect(none?.body).toEqual(ERRORS.notAuthenticated);
  });

  it('does not block the event loop', () => {
    // One or two answers could come before the event loop blocks, but not this many.
    expect(outcome.pings).toBeGreaterThan(5);
  });

  it('logs the cause of the 503s, and neither token nor password', () => {
    const faults = outcome.log.errors.filter((line) =>
      /^Authentication is unavailable: .+/.test(line),
    );
    expect(faults.length).toBeGreaterThanOrEqual(1);
    for (const secret of [...outcome.known, ...outcome.left, PASSWORD]) {
      expect(outcome.log.text).not.toContain(secret);
    }
  });

  it('recovers without help, and keeps the tokens whose logout answered 503', () => {
    expect(outcome.good).toEqual(outcome.known);
  });

  it('leaves no token of the login that answered 503', () => {
    const digests = outcome.known.map((token) => createHash('sha512').update(token).digest('hex'));
    expect([...outcome.left].sort()).toEqual(digests.sort());
  });
});
