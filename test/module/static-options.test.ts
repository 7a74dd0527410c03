import { Controller, Get, Injectable, UseGuards, type DynamicModule } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AbstractAuthToken,
  KnoxAuthGuard,
  KnoxConfigError,
  KnoxLoginGuard,
  OptionalKnoxAuthGuard,
  TokenService,
} from '../../lib/index.ts';
import { KINDS, SECRET } from '../options/options.table.ts';
import {
  closeModules,
  knox,
  knoxAsync,
  memoryDatabase,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

class NoGuard {}
class OwnKnoxGuard extends KnoxAuthGuard {}
@Injectable()
class OwnLoginGuard extends KnoxLoginGuard {}

/** A controller that needs the package: its error must not come before the one of the options. */
@Controller('mine')
class MyController {
  constructor(readonly tokens: TokenService) {}

  @Get()
  @UseGuards(KnoxAuthGuard)
  mine() {}
}

const METHODS: [string, (options: object) => DynamicModule][] = [
  ['forRoot', knox],
  ['forRootAsync', knoxAsync],
];

const EXPECTED = {
  realm: "a name such as 'staff': 1 to 64 letters, digits, '.', '_' or '-'",
  tokenEntity: 'a class that extends AbstractAuthToken',
  loginGuards: 'an array of one or more guard classes, KnoxAuthGuard not among them',
  controller: 'true or false',
  sessions: 'true or false',
  path: "a string such as 'auth'",
  isGlobal: 'true or false',
  dataSource: 'the name of a data source',
};
const GOOD_KINDS: Record<string, readonly string[]> = {
  controller: ['a boolean'],
  sessions: ['a boolean'],
  path: ['a string', 'an empty string'],
  isGlobal: ['a boolean'],
  dataSource: ['a string'],
};
const WRONG = Object.entries(EXPECTED).flatMap(([name, expected]) =>
  KINDS.filter(([kind]) => !GOOD_KINDS[name]?.includes(kind)).map(
    ([kind, value]) => [name, kind, value, expected] as const,
  ),
);

afterEach(closeModules);

describe.each(METHODS)('The static options of KnoxModule.%s', (method, knox) => {
  async function refusal(options: object): Promise<KnoxConfigError> {
    const error = await startError({
      imports: [memoryDatabase(), knox(options)],
      controllers: [MyController],
    });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(`${error.message}${String(error.stack)}`).not.toContain(SECRET);
    return error as KnoxConfigError;
  }

  // Both methods share the check, so forRoot is tried with every kind and forRootAsync with null.
  const wrong = WRONG.filter(([, kind]) => method === 'forRoot' || kind === 'null');
  it.each(wrong)('refuse, for %s, %s', async (name, kind, value, expected) => {
    const error = await refusal({ [name]: value });
    expect(error.option).toBe(name);
    expect(error.message).toBe(`KnoxModule option "${name}": expected ${expected}; got ${kind}.`);
  });

  it.each([
    ['KnoxAuthGuard', [KnoxAuthGuard]],
    ['KnoxAuthGuard among others', [KnoxLoginGuard, KnoxAuthGuard]],
    ['OptionalKnoxAuthGuard', [OptionalKnoxAuthGuard]],
    ['a subclass of KnoxAuthGuard', [OwnKnoxGuard]],
    ['a function that is no class', [() => true]],
    ['an instance of a guard', [new OwnKnoxGuard()]],
    ['a name', ['KnoxLoginGuard']],
    ['a gap', [KnoxLoginGuard, undefined]],
  ])('refuse, for loginGuards, %s', async (_, loginGuards) => {
    expect((await refusal({ loginGuards })).message).toBe(
      `KnoxModule option "loginGuards": expected ${EXPECTED.loginGuards}; got an array.`,
    );
  });

  it('refuse, for loginGuards, a class that is no guard', async () => {
    expect((await refusal({ loginGuards: [KnoxLoginGuard, NoGuard] })).message).toBe(
      'KnoxModule option "loginGuards": NoGuard has no method canActivate(context).',
    );
  });

  it.each([
    ['a subclass of KnoxLoginGuard', [OwnLoginGuard]],
    ['a guard of Passport', [AuthGuard('local')]],
    ['several guards', [AuthGuard('local'), KnoxLoginGuard]],
  ])('take, for loginGuards, %s', async (_, loginGuards) => {
    const app = await startModule({ imports: [memoryDatabase(), knox({ loginGuards })] });
    expect(app.get(TokenService)).toBeInstanceOf(TokenService);
  });

  it.each([
    ['the abstract class itself', AbstractAuthToken],
    ['another entity', User],
    ['its name', 'AuthToken'],
  ])('refuse, for tokenEntity, %s', async (_, tokenEntity) => {
    const { message } = await refusal({ tokenEntity });
    expect(message).toContain(`"tokenEntity": expected ${EXPECTED.tokenEntity}; got a `);
  });

  it('refuse an option that does not exist', async () => {
    const error = await refusal({ isglobal: true });
    expect(error.message).toBe(
      'KnoxModule option "isglobal": there is no such option; write "isGlobal".',
    );
  });
});
