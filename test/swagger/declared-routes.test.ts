import { afterEach, describe, expect, it } from '@jest/globals';
import {
  All,
  Controller,
  Delete,
  Get,
  Module,
  Post,
  Put,
  UseGuards,
  Version,
  VERSION_NEUTRAL,
  VersioningType,
  type INestApplication,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { KnoxAuthGuard } from '../../lib/index.ts';
import { describeKnox } from '../../lib/swagger/index.ts';
import { startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { createDocument, operationsOf, type DocumentOptions } from '../support/openapi.ts';

let test: TestApp | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

abstract class Routes {
  @Get()
  root() {}

  @Post()
  make() {}

  @Put([':id', 'item/:id/:part'])
  change() {}

  @All('all')
  all() {}

  @Version('2')
  @Delete('versioned')
  versioned() {}

  @Version(['2', VERSION_NEUTRAL])
  @Get('versioned')
  versions() {}
}

@Controller('guarded')
@UseGuards(KnoxAuthGuard)
class Guarded extends Routes {}

@Controller('open')
class Open extends Routes {}

@Controller({ path: ['several', 'more/:tenant'], version: ['1', '3'] })
class Several {
  @Get('open')
  open() {}

  @UseGuards(KnoxAuthGuard)
  @Get('Guarded')
  guarded() {}
}

/** Has the same paths as Guarded, behind those of its module. */
@Controller('guarded')
class Inner extends Routes {}

@Controller()
@UseGuards(KnoxAuthGuard)
class GuardedRoot {
  @Post()
  post() {}

  @Get('shadowed')
  shadowed() {}

  /** Routes of one path and several methods. */
  @Post('shadowed')
  alsoShadowed() {}
}

@Controller('shadowed')
class OpenShadowed {
  @Put()
  put() {}
}

@Module({ controllers: [Inner] })
class InnerModule {}

@Controller('express')
@UseGuards(KnoxAuthGuard)
class GuardedOnExpress {
  @Get('files/*path')
  file() {}

  @Get('optional{/:id}')
  optional() {}

  @Get('old/*')
  old() {}

  @Get('escaped\\:colon/:id')
  escaped() {}
}

@Controller('fastify')
@UseGuards(KnoxAuthGuard)
class GuardedOnFastify {
  @Get('files/*')
  file() {}

  @Get('number/:id(^\\d+$)/more')
  pattern() {}

  @Get('escaped::colon')
  escaped() {}
}

const CONTROLLERS = [Guarded, Open, Several, GuardedRoot, OpenShadowed];

/** Each adapter has a syntax of its own for wildcards and the like. */
const OF_ADAPTER = { express: GuardedOnExpress, fastify: GuardedOnFastify };

/** Whether an operation should be guarded: told by the names in its id, in which no path stands. */
const isGuarded = (operationId: string) => /guarded/i.test(operationId);

const uri = (app: INestApplication) => app.enableVersioning({ type: VersioningType.URI });

/** Not validated: for `@All()`, @nestjs/swagger describes a method that OpenAPI 3.0 does not have. */
const described = (app: INestApplication, options?: DocumentOptions) =>
  describeKnox(app, createDocument(app, options));

interface Case {
  name: string;
  app?: TestAppOptions;
  document?: DocumentOptions;
  /** An operation that shows that the case is what it says. */
  shows: string;
}

const CASES: Case[] = [
  { name: 'no prefix and no versions', shows: 'PUT /guarded/item/{id}/{part}' },
  {
    name: 'a prefix',
    app: { configure: (app) => app.setGlobalPrefix('/api/') },
    shows: 'PUT /api/guarded/item/{id}/{part}',
  },
  {
    name: 'a prefix with a parameter, and paths without it',
    app: {
      configure: (app) => app.setGlobalPrefix(':org/api', { exclude: ['guarded', 'open'] }),
    },
    shows: 'GET /guarded',
  },
  {
    name: 'a prefix that the document leaves out',
    app: { configure: (app) => app.setGlobalPrefix('api') },
    document: { ignoreGlobalPrefix: true },
    shows: 'GET /guarded',
  },
  { name: 'versions in paths', app: { configure: uri }, shows: 'DELETE /v2/guarded/versioned' },
  {
    name: 'versions in paths by default, with a prefix of their own',
    app: {
      configure: (app) => {
        app.setGlobalPrefix('api');
        app.enableVersioning({
          type: VersioningType.URI,
          prefix: 'version-',
          defaultVersion: ['7', VERSION_NEUTRAL],
        });
      },
    },
    shows: 'PUT /api/version-7/guarded/{id}',
  },
  {
    name: 'versions in paths without a prefix',
    app: { configure: (app) => app.enableVersioning({ type: VersioningType.URI, prefix: false }) },
    shows: 'GET /3/more/{tenant}/Guarded',
  },
  {
    name: 'versions in a header',
    app: {
      configure: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'Version' }),
    },
    shows: 'DELETE /guarded/versioned',
  },
  {
    name: 'modules with paths',
    app: {
      imports: [InnerModule, RouterModule.register([{ path: 'inner/:x', module: InnerModule }])],
    },
    shows: 'PUT /inner/{x}/guarded/{id}',
  },
];

describe.each(['express', 'fastify'] as const)('describeKnox, on %s', (adapter) => {
  it.each(CASES)(
    'finds the route of each operation, with $name',
    async ({ app, document, shows }) => {
      const controllers = [...CONTROLLERS, OF_ADAPTER[adapter]];
      test = await startApp({ adapter, controllers, ...app });
      const operations = operationsOf(described(test.app, document));
      expect(operations).toHaveProperty([shows]);
      const ofTest = Object.entries(operations).filter(([path]) => !/\/(auth|me)\b/.test(path));
      const found = ofTest.map(([path, { security }]) => [path, security !== undefined]);
      const expected = ofTest.map(([path, { operationId }]) => [path, isGuarded(operationId)]);
      expect(found).toEqual(expected);
      expect(new Set(found.map(([, guarded]) => guarded))).toEqual(new Set([true, false]));
    },
  );
});

describe('describeKnox', () => {
  it('goes by paths where the application makes the ids', async () => {
    test = await startApp({ controllers: CONTROLLERS });
    const operationIdFactory = (controller: string, method: string) => `${method}Of${controller}`;
    const operations = operationsOf(described(test.app, { operationIdFactory }));
    expect(operations['GET /guarded']!.operationId).toBe('rootOfGuarded');
    expect(operations['GET /guarded']!.security).toEqual([{ knox: [] }]);
    expect(operations['GET /open']!.security).toBeUndefined();
  });

  it('describes the route that @nestjs/swagger shows of those of one path', async () => {
    @Controller({ path: 'twins', version: '1' })
    @UseGuards(KnoxAuthGuard)
    class First {
      @Get()
      get() {}
    }
    @Controller({ path: 'twins', version: '2' })
    class Second {
      @Get()
      get() {}
    }
    for (const [controllers, security] of [
      [[First, Second], undefined],
      [[Second, First], [{ knox: [] }]],
    ] as const) {
      test = await startApp({
        controllers: [...controllers],
        configure: (app) =>
          app.enableVersioning({ type: VersioningType.HEADER, header: 'Version' }),
      });
      const operations = operationsOf(described(test.app));
      expect(operations['GET /twins']!.security).toEqual(security);
      await test.close();
    }
    test = undefined;
  });

  it('leaves operations alone that are none of the application', async () => {
    test = await startApp();
    const item = { parameters: [], get: { responses: { 200: { description: 'Fine.' } } } };
    const info = { title: 'Another', version: '1' };
    const paths = { '/elsewhere': item, '/me/{id}': item };
    expect(describeKnox(test.app, { openapi: '3.0.0', info, paths }).paths).toEqual(paths);
  });
});
