import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import {
  CONNECTION_STATES,
  leaveConnections,
  RESET_DEFAULTS,
  type ConnectionState,
} from '../support/connection-states.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { pollFor } from '../support/polling.ts';
import type { OwnerApp } from '../support/owner-app.ts';
import {
  login,
  logout,
  logoutAll,
  me,
  Member,
  MemberToken,
  SharedDatabase,
} from '../support/shared-database.ts';

// Where it fails, requests wait for their deadlines.
jest.setTimeout(60_000);

const LIMIT = 10;

/** Characters that a session with other settings loses, or takes for the end of a literal. */
const NAME = "josé o\\'neil 😀";

/** The outcomes, in every state. */
const SOUND = {
  'a logout and a login that wait for a lock': [204, 200],
  'a token whose deletion is not committed': 200,
  'a good token at both': [200, 200],
  'its owner is as the database has it': true,
  'many good tokens at once': [200, 200, 200],
  'a token that the other application has ended, twice': [401, 401],
  'a token that the other application has just made': 200,
  'a logout, the rows of its token, and the token elsewhere': [204, 0, 401],
  'a login, and its token at both': [200, 200, 200],
  'as many tokens are listed as there are': true,
  'logins of one user beyond the limit': { 200: LIMIT, 403: 4 },
  'a login of a user who is gone': 401,
  'logoutall, rows that are left, and tokens elsewhere': [204, 0, 401, 401],
};

describeOnServers('connections that the application leaves on %s', (database) => {
  const name = database;
  const account = `knox_${randomUUID().replaceAll('-', '')}`;
  let shared: SharedDatabase;
  let b: OwnerApp<MemberToken>;
  let a: OwnerApp<MemberToken> | undefined;
  let owner: Member;
  let other: Member;
  let gone: Member;

  beforeAll(async () => {
    shared = await SharedDatabase.create(name);
    await shared.direct.query('CREATE TABLE notes (text varchar(20))');
    await shared.createAccount(account);
    owner = await shared.addMember(NAME);
    other = await shared.addMember('ada');
    gone = shared.know(Object.assign(new Member(), owner, { username: 'gone' }));
    b = await shared.start({ knox: { tokenLimitPerUser: LIMIT } });
  });
  afterEach(async () => {
    await a?.close();
    a = undefined;
    await shared.direct.query(RESET_DEFAULTS[name](account));
    await shared.deleteTokens();
  });
  afterAll(async () => {
    await b.close();
    await shared.drop();
  });

  async function startIn(state: ConnectionState): Promise<OwnerApp<MemberToken>> {
    for (const sql of state.defaults ?? []) await shared.direct.query(sql);
    const { dataSource } = state;
    return shared.start({ account, dataSource, knox: { tokenLimitPerUser: LIMIT } });
  }

  /** Sends a logout and a login while another session blocks writes; gives their statuses. */
  async function writesThatWait(
    app: OwnerApp<MemberToken>,
    token: string,
    { waitMs = 0 }: ConnectionState,
  ): Promise<unknown> {
    const unlock = await shared.lock('table').catch((error: unknown) => String(error));
    if (typeof unlock === 'string') return unlock;
    const answers = Promise.all([logout(app, token), login(app, owner)]);
    await pollFor(
      () => shared.waitingSessions(),
      (count) => count === 2,
    );
    await sleep(waitMs);
    await unlock();
    return (await answers).map(({ status }) => status);
  }

  /** A raw token of the owner, made by the application whose connections nobody has touched. */
  const newToken = async () => (await b.tokens.create(owner)).token;

  it.each(CONNECTION_STATES[name](account))('with $title do no harm', async (state) => {
    a = await startIn(state);
    const app = a;
    const statusAt = async (where: typeof app, token: string) => (await me(where, token)).status;
    const good = await b.tokens.create(owner);
    const [waiting, revoked, ended] = [await newToken(), await newToken(), await newToken()];
    const many = [await newToken(), await newToken(), await newToken()];
    const expected = (await me(b, good.token)).body;
    // So that a statement that is kept prepared on these connections is there to be lost.
    await Promise.all([me(app, good.token), app.tokens.list(owner)]);
    await leaveConnections(app.dataSource, state);

    // No login before the logout: its COMMIT would end a transaction that the state has left open.
    const outcomes: Partial<Record<keyof typeof SOUND, unknown>> = {};

    const deleting = shared.direct.createQueryRunner();
    await deleting.startTransaction();
    await deleting.manager.delete(MemberToken, { digest: good.authToken.digest });
    outcomes['a token whose deletion is not committed'] = await statusAt(app, good.token);
    await deleting.rollbackTransaction();
    await deleting.release();

    const atA = await me(app, good.token);
    outcomes['a good token at both'] = [atA.status, await statusAt(b, good.token)];
    outcomes['its owner is as the database has it'] =
      JSON.stringify(atA.body) === JSON.stringify(expected);
    outcomes['many good tokens at once'] = await Promise.all(
      many.map((token) => statusAt(app, token)),
    );

    await b.tokens.revoke(revoked);
    outcomes['a token that the other application has ended, twice'] = [
      await statusAt(app, revoked),
      await statusAt(app, revoked),
    ];
    const made = await newToken();
    outcomes['a token that the other application has just made'] = await statusAt(app, made);

    const { status: loggedOut } = await logout(app, ended);
    const tokenKey = ended.slice(0, 15);
    const rows = await shared.direct.getRepository(MemberToken).countBy({ tokenKey });
    outcomes['a logout, the rows of its token, and the token elsewhere'] = [
      loggedOut,
      rows,
      await statusAt(b, ended),
    ];

    const listed = await app.tokens.list(owner).catch((error: unknown) => [error]);
    outcomes['as many tokens are listed as there are'] =
      listed.length === (await shared.countTokens(owner));

    outcomes['a logout and a login that wait for a lock'] = await writesThatWait(
      app,
      waiting,
      state,
    );

    const { status: loggedIn, body } = await login(app, owner);
    outcomes['a login, and its token at both'] = [
      loggedIn,
      await statusAt(app, String(body.token)),
      await statusAt(b, String(body.token)),
    ];

    const logins = await Promise.all(
      Array.from({ length: LIMIT + 4 }, (_, index) => login(index % 2 === 0 ? app : b, other)),
    );
    outcomes['logins of one user beyond the limit'] = countStatuses(logins);
    outcomes['a login of a user who is gone'] = (await login(app, gone)).status;

    const { status: allLoggedOut } = await logoutAll(app, good.token);
    outcomes['logoutall, rows that are left, and tokens elsewhere'] = [
      allLoggedOut,
      await shared.countTokens(owner),
      await statusAt(b, good.token),
      await statusAt(b, made),
    ];

    expect(outcomes).toEqual(SOUND);
  });
});

function countStatuses(answers: readonly { status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
