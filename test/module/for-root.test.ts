import { Injectable, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { getRepositoryToken } from '@nestjs/typeorm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AuthToken, KnoxModule, TokenService, type KnoxModuleOptions } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  saveUser,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

@Injectable()
class Feature {
  constructor(readonly tokens: TokenService) {}
}

@Module({ providers: [Feature] })
class FeatureModule {}

afterEach(closeModules);

describe('KnoxModule.forRoot', () => {
  let test: TestApp | undefined;
  afterEach(async () => {
    await test?.close();
    test = undefined;
  });

  const start = (options?: KnoxModuleOptions) =>
    startModule({ imports: [memoryDatabase(), knox(options)] });

  it('takes runtime options', async () => {
    const app = await start({ tokenPrefix: 'ROOT_', tokenLength: 48 });
    const { token } = await app.get(TokenService).create(await saveUser(app));
    expect(token).toMatch(/^ROOT_[0-9a-f]{48}$/);
  });

  it('takes undefined for a static option that is not given', async () => {
    const nothing = {
      tokenEntity: undefined,
      loginGuards: undefined,
      controller: undefined,
      path: undefined,
      isGlobal: undefined,
      dataSource: undefined,
      imports: undefined,
    } as unknown as KnoxModuleOptions;
    const app = await start(nothing);
    expect(app.get(TokenService)).toBeInstanceOf(TokenService);
  });

  it('lets the application inject the repository of its tokens', async () => {
    const app = await start();
    const { authToken } = await app.get(TokenService).create(await saveUser(app));
    const rows = app.get(getRepositoryToken(AuthToken));
    expect(await rows.countBy({ digest: authToken.digest })).toBe(1);
  });

  it('resolves login guards from what it imports', async () => {
    @Injectable()
    class Directory {
      find = () => test?.john;
    }

    @Module({ providers: [Directory], exports: [Directory] })
    class DirectoryModule {}

    @Injectable()
    class DirectoryGuard implements CanActivate {
      constructor(private readonly directory: Directory) {}

      canActivate(context: ExecutionContext): boolean {
        context.switchToHttp().getRequest().user = this.directory.find();
        return true;
      }
    }

    const options = { imports: [DirectoryModule], loginGuards: [DirectoryGuard] };
    test = await startApp({ knoxModule: KnoxModule.forRoot(options) });
    const login = await test.client.post('/auth/login');
    expect(login.status).toBe(200);
    expect((await test.client.get('/me', { token: login.body.token })).status).toBe(200);
  });

  describe('isGlobal', () => {
    const imports = (options: Partial<KnoxModuleOptions>) => [memoryDatabase(), knox(options)];

    it('serves every module by default', async () => {
      const app = await startModule({ imports: [...imports({}), FeatureModule] });
      expect(app.get(Feature, { strict: false }).tokens).toBe(app.get(TokenService));
    });

    it('serves, where it is false, no module that does not import it', async () => {
      const error = await startError({ imports: [...imports({ isGlobal: false }), FeatureModule] });
      expect(error.message).toContain('Feature (?)');
      expect(error.message).toContain('argument TokenService at index [0]');
    });

    it('serves, where it is false, a module that imports the same one', async () => {
      const [database, knox] = imports({ isGlobal: false }) as [never, never];
      const feature = { module: FeatureModule, imports: [knox] };
      const app = await startModule({ imports: [database, knox, feature] });
      expect(app.get(Feature, { strict: false }).tokens).toBe(
        app.get(TokenService, { strict: false }),
      );
    });

    it('needs no import in the root module, where it is false', async () => {
      const [database, knox] = imports({ isGlobal: false }) as [never, never];
      const app = await startModule({
        imports: [database, { module: FeatureModule, imports: [knox] }],
      });
      const { tokens } = app.get(Feature, { strict: false });
      const { authToken } = await tokens.create(await saveUser(app));
      expect(authToken.user).toBeInstanceOf(User);
    });
  });

  describe('path', () => {
    const NOT_FOUND = { statusCode: 404, message: 'Cannot POST /auth/login', error: 'Not Found' };

    it.each([
      ['auth', '/auth'],
      ['api/session', '/api/session'],
      ['/api/session', '/api/session'],
      ['', ''],
    ])('puts the routes under %j', async (path, root) => {
      test = await startApp({ knox: { path } });
      const login = await test.client.post(`${root}/login`, { body: JOHN });
      expect(login.status).toBe(200);
      const { token } = login.body;
      expect((await test.client.post(`${root}/logout`, { token })).status).toBe(204);
      if (path !== 'auth') {
        expect((await test.client.post('/auth/login', { body: JOHN })).body).toEqual(NOT_FOUND);
      }
    });

    it('is each application’s own, where two are set up before either starts', async () => {
      const modules = ['one', 'two'].map((path) => knox({ path }));
      test = await startApp({ knoxModule: modules[0]! });
      const other = await startApp({ knoxModule: modules[1]! });
      try {
        const statuses = [test, other].map(async ({ client }) => [
          (await client.post('/one/login', { body: JOHN })).status,
          (await client.post('/two/login', { body: JOHN })).status,
        ]);
        expect(await Promise.all(statuses)).toEqual([
          [401, 404],
          [404, 401],
        ]);
      } finally {
        await other.close();
      }
    });
  });

  describe('controller', () => {
    it('brings no routes where it is false, and asks for no verifyCredentials', async () => {
      const knoxModule = KnoxModule.forRoot({ controller: false });
      test = await startApp({ knoxModule });
      for (const route of ['login', 'logout', 'logoutall']) {
        expect((await test.client.post(`/auth/${route}`, { body: JOHN })).status).toBe(404);
      }
      const { token } = await test.tokens.create(test.john);
      expect((await test.client.get('/me', { token })).status).toBe(200);
    });
  });
});
