import { Module, type ModuleMetadata } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { KnoxConfigError, KnoxModule, TokenService } from '../../lib/index.ts';
import {
  closeModules,
  knox,
  knoxAsync,
  memoryDatabase,
  saveUser,
  startError,
  startModule,
} from '../support/test-module.ts';

/** A feature module with these imports. */
function featureWith(...imports: NonNullable<ModuleMetadata['imports']>) {
  @Module({ imports })
  class FeatureModule {}
  return FeatureModule;
}

afterEach(closeModules);

describe('A second KnoxModule of one realm', () => {
  it.each<[string, () => ModuleMetadata['imports']]>([
    ['in the same root module', () => [knox(), knox()]],
    ['by the other method', () => [knox(), knoxAsync()]],
    ['in a feature module', () => [knox(), featureWith(knox())]],
    ['in a feature module that comes first', () => [featureWith(knoxAsync()), knox()]],
    ['deep in feature modules', () => [knox(), featureWith(featureWith(knoxAsync()))]],
    ['in feature modules only', () => [featureWith(knox()), featureWith(knox())]],
    [
      'that is not global either',
      () => {
        const options = { isGlobal: false };
        return [featureWith(knox(options)), featureWith(knox(options))];
      },
    ],
    [
      'by a subclass',
      () => [knox(), { ...knox(), module: class AppKnoxModule extends KnoxModule {} }],
    ],
    ['on another path', () => [knox(), knox({ path: 'admin/auth' })]],
  ])('stops the start %s', async (_, imports) => {
    const error = await startError({ imports: [memoryDatabase(), ...(imports() ?? [])] });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toBe(
      `KnoxModule option "realm": KnoxModule is imported more than once for the realm 'api'; import it once, in the ` +
        'root module, where isGlobal (the default) lets every module use it. For users of another kind, give it a realm, ' +
        "such as 'staff'.",
    );
  });

  it('is not one where two modules import the same instance', async () => {
    const one = knox();
    const imports = [memoryDatabase(), one, featureWith(one), featureWith(featureWith(one))];
    const app = await startModule({ imports });
    const { token } = await app.get(TokenService).create(await saveUser(app));
    expect(token).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is not one where another application in the process has its own', async () => {
    const one = await startModule({ imports: [memoryDatabase(), knox()] });
    const two = await startModule({ imports: [memoryDatabase(), knox()] });
    const { token } = await one.get(TokenService).create(await saveUser(one));
    await expect(one.get(TokenService).authenticate(token)).resolves.toMatchObject({
      user: { username: 'john.doe' },
    });
    await expect(two.get(TokenService).authenticate(token)).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });
});

describe('KnoxModule without forRoot', () => {
  it.each<[string, () => ModuleMetadata['imports']]>([
    ['in the root module', () => [memoryDatabase(), KnoxModule]],
    ['in a feature module', () => [memoryDatabase(), featureWith(KnoxModule)]],
    ['beside one that has options', () => [memoryDatabase(), knox(), KnoxModule]],
    ['before one that has options', () => [featureWith(KnoxModule), memoryDatabase(), knox()]],
    ['where there is no database', () => [KnoxModule]],
  ])('stops the start %s', async (_, imports) => {
    const error = await startError({ imports: imports() });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toBe(
      'KnoxModule option "imports": KnoxModule is imported without options; write ' +
        'KnoxModule.forRoot({ … }) or KnoxModule.forRootAsync({ … }).',
    );
  });
});
