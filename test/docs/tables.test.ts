import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { getMetadataArgsStorage } from 'typeorm';
import * as knox from '../../lib/index.ts';
import { resolveLiveOptions } from '../../lib/live/live-options.ts';
import { LiveTokens } from '../../lib/live/index.ts';
import { parseDuration } from '../../lib/options/duration.ts';
import { resolveOptions, RUNTIME_OPTION_NAMES } from '../../lib/options/resolve-options.ts';
import { STATIC_DEFAULTS } from '../../lib/static-options.ts';
import { codes, readDocument, section, tables } from './markdown.ts';
import { ROOT } from './project.ts';

const rowsOf = (document: string, heading: string, nth = 0) =>
  tables(section(readDocument(`docs/${document}.md`), heading))[nth]!;

/** 'create' of '`create(user)`'. */
const nameIn = (cell = '') => /^`@?(\w+)/.exec(cell)?.[1];

const methodsOf = (type: { prototype: object }) =>
  Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor');

/** 'POST /auth/login', … of a controller at a path. */
const routesOf = (type: { prototype: object }, path: string) =>
  Object.values(Object.getOwnPropertyDescriptors(type.prototype)).flatMap(({ value }) => {
    if (typeof value !== 'function') return [];
    const handler = value as object;
    const route = Reflect.getMetadata(PATH_METADATA, handler) as string | undefined;
    if (route === undefined) return [];
    const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod];
    return `${method} ${path}/${route}`.replace(/\/+$/, '');
  });

const EVENTS = Object.values(knox)
  .map((value) => value as { name?: string; eventName?: string })
  .filter(({ eventName }) => eventName !== undefined);

const HOOKS = rowsOf('reference/decorators-and-providers', 'Hooks of the controller').map(
  ([cell]) => nameIn(cell),
);

/** The value that a cell such as `'10h'` stands for. */
function valueIn(cell: string): unknown {
  const code = /^`(.*)`$/.exec(cell)?.[1];
  if (code === undefined) throw new Error(`No value: ${cell}`);
  return JSON.parse(code.replaceAll("'", '"'));
}

describe('the documents', () => {
  describe('static options', () => {
    const rows = rowsOf('reference/options', 'Static options');

    it('are all there', () => {
      expect(rows.map(([cell]) => nameIn(cell))).toEqual(Object.keys(STATIC_DEFAULTS));
    });

    it('have the defaults shown', () => {
      const named: Record<string, unknown> = {
        '`AuthToken`': knox.AuthToken,
        '`[KnoxLoginGuard]`': [knox.KnoxLoginGuard],
      };
      const shown = rows.map(([name, cell]) => [nameIn(name), named[cell!] ?? valueIn(cell!)]);
      expect(Object.fromEntries(shown)).toEqual(STATIC_DEFAULTS);
    });
  });

  it('shows the defaults of KnoxLiveModule', () => {
    const rows = rowsOf('guide/graphql-and-sockets', 'Sockets and streams', 1);
    const shown = rows.map(([name, cell]) => [nameIn(name), parseDuration(valueIn(cell!))]);
    expect(Object.fromEntries(shown)).toEqual(resolveLiveOptions({}));
  });

  it('shows the methods of LiveTokens', () => {
    const shown = rowsOf('guide/graphql-and-sockets', 'Sockets and streams').map(([cell]) =>
      nameIn(cell),
    );
    expect([...shown, 'beforeApplicationShutdown'].sort()).toEqual(methodsOf(LiveTokens).sort());
  });

  describe('runtime options', () => {
    const rows = rowsOf('reference/options', 'Runtime options');
    const defaults = resolveOptions({}) as unknown as Record<string, unknown>;

    it('are all there', () => {
      expect(rows.map(([cell]) => nameIn(cell))).toEqual(RUNTIME_OPTION_NAMES);
    });

    it('have the defaults shown', () => {
      const hooks: Record<string, unknown> = {
        none: null,
        'ISO 8601, UTC': defaults.formatExpiry,
        'the `isActive` column': null,
        'the Authorization header': null,
      };
      for (const [name, cell = ''] of rows) {
        const value = cell in hooks ? hooks[cell] : valueIn(cell);
        const ms = typeof value === 'string' ? parseDuration(value) : undefined;
        expect([name, defaults[nameIn(name)!]]).toEqual([name, ms ?? value]);
      }
      const formatExpiry = defaults.formatExpiry as (expiry: Date | null) => unknown;
      expect(formatExpiry(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
      expect(formatExpiry(null)).toBeNull();
    });
  });

  it('names each field of the option cookie, with its default', () => {
    const shown = rowsOf('guide/browsers', 'In a browser').map(([name, cell]) => [
      nameIn(name),
      valueIn(cell!),
    ]);
    expect(Object.fromEntries(shown)).toEqual(resolveOptions({ cookie: true }).cookie);
    expect(shown.map(([name]) => name)).toEqual([
      ...['name', 'sameSite', 'secure', 'path', 'domain', 'persistent', 'trustedOrigins'],
    ]);
  });

  it('names what the package exports', () => {
    const names = rowsOf('reference/decorators-and-providers', 'What you can inject, and use').map(
      ([cell]) => nameIn(cell)!,
    );
    expect(names.filter((name) => !(name in knox))).toEqual([]);
  });

  it('names each route', () => {
    const shown = tables(readDocument('docs/reference/routes.md')).flat();
    const real = [
      ...routesOf(knox.KnoxController, '/auth'),
      ...routesOf(knox.KnoxSessionsController, '/auth/sessions'),
    ];
    expect(shown.map(([cell]) => codes(cell!)[0])).toEqual(real);
  });

  it('names each method of TokenService', () => {
    const names = rowsOf('reference/decorators-and-providers', 'TokenService').map(([cell]) =>
      nameIn(cell)!,
    );
    expect(names).toEqual(methodsOf(knox.TokenService));
  });

  it('names each hook of KnoxController', () => {
    const hooks = methodsOf(knox.KnoxController).filter((name) =>
      /^(get|format|create)/.test(name),
    );
    expect(HOOKS).toEqual(hooks);
  });

  it('names each event and its class', () => {
    const shown = rowsOf('reference/events', 'Events').map(([name, type]) => [
      codes(name!)[0],
      nameIn(type),
    ]);
    const real = EVENTS.map(({ eventName, name }) => [eventName, name]);
    expect(shown.sort()).toEqual(real.sort());
  });

  it('names each column of the token table', () => {
    const shown = rowsOf('reference/entities-and-columns', 'The table').map(
      ([property, column]) => [nameIn(property), nameIn(column)],
    );
    const { columns, joinColumns } = getMetadataArgsStorage();
    const real = columns
      .filter(({ target }) => target === knox.AbstractAuthToken)
      .map(({ propertyName, options }) => [propertyName, options.name]);
    const join = joinColumns.find(({ target }) => target === knox.AuthToken)!;
    expect(shown.sort()).toEqual([...real, [join.propertyName, join.name]].sort());
  });

  describe('what knox has', () => {
    it('is an option here, where it is a setting there', () => {
      const rows = rowsOf('from/django-rest-knox', 'Settings');
      expect(rows).toHaveLength(12);
      const options = [...Object.keys(STATIC_DEFAULTS), ...RUNTIME_OPTION_NAMES];
      expect(rows.filter(([, option]) => !options.includes(nameIn(option)!))).toEqual([]);
    });

    it('is something that exists, where it is a hook or a signal there', () => {
      const known = [
        ...HOOKS,
        ...Object.keys(knox),
        ...EVENTS.map(({ eventName }) => eventName),
        ...Object.keys(STATIC_DEFAULTS),
        'context',
        'UseGuards',
      ];
      const here = rowsOf('from/django-rest-knox', 'Names').flatMap(([, cell]) => codes(cell!));
      const names = here.map((code) => /^@?(knox\.[\w.]+|\w+)/.exec(code)![1]!);
      expect(names.filter((name) => !known.includes(name))).toEqual([]);
    });
  });

  it('asks for the versions that package.json asks for', () => {
    const { engines, peerDependencies } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    ) as { engines: Record<string, string>; peerDependencies: Record<string, string> };
    const shown: Record<string, string> = {};
    for (const [what, needs] of rowsOf('supported', 'What is supported')) {
      for (const name of what === 'Node.js' ? ['node'] : codes(what!)) {
        shown[name] = codes(needs!)[0]!;
      }
    }
    // Every NestJS app has these two.
    const taken = ['reflect-metadata', 'rxjs'];
    const peers = Object.entries(peerDependencies).filter(([name]) => !taken.includes(name));
    expect(shown).toEqual({ ...engines, ...Object.fromEntries(peers) });
  });
});
