// The lint rule that keeps the imports of lib/ running downward. It holds for every form of import: static, dynamic,
// `import type`, re-export, and `import('…')` as a type.
import { dirname, isAbsolute, join, relative, sep } from 'node:path';

const pure = ['lib/errors', 'lib/tokens', 'lib/requests', 'lib/options'];
const async = ['lib/async'];

/**
 * What each layer may import, from the bottom to the top. A layer is a folder of lib/, or lib/*.ts. An entry may name a
 * single file of another layer (its front door), or a layer of which only types are imported (`type lib/entities`).
 */
const allowed = {
  'lib/errors': ['node:*', 'lib/errors'],
  'lib/tokens': ['node:*', 'lib/errors', 'lib/tokens'],
  'lib/requests': ['node:*', 'lib/errors', 'lib/tokens', 'lib/requests'],
  'lib/options': ['node:*', ...pure],
  'lib/async': ['node:*', 'lib/errors', 'type lib/requests/client-info.ts', 'lib/async'],
  'lib/entities': ['node:*', ...pure, 'lib/entities', 'typeorm'],
  'lib/database': ['node:*', 'lib/errors', 'lib/async', 'lib/database', 'typeorm'],
  'lib/store': [
    'node:*',
    ...pure,
    ...async,
    'lib/entities',
    'lib/database',
    'lib/store',
    'typeorm',
  ],
  'lib/events': [
    'node:*',
    ...pure,
    'type lib/entities',
    'lib/events',
    '@nestjs/common',
    '@nestjs/core',
  ],
  'lib/service': [
    ...['node:*', ...pure, ...async, 'lib/entities', 'lib/events', 'lib/service'],
    ...['lib/store/token.store.ts', '@nestjs/common', 'type typeorm'],
  ],
  'lib/http': [
    ...['node:*', ...pure, ...async, 'type lib/entities', 'lib/events', 'lib/service', 'lib/http'],
    'package:*',
  ],
  // An entry: nothing else of lib/ may import it, so that an application without Django does not load it.
  'lib/django': [
    ...['node:*', ...pure, ...async, 'lib/entities', 'lib/database', 'lib/store', 'lib/events'],
    ...['lib/service', 'lib/http', 'lib/django', 'package:*'],
  ],
  // So are these.
  'lib/swagger': [
    ...['node:*', ...pure, 'type lib/entities', 'lib/http', 'lib/swagger'],
    ...['@nestjs/common', '@nestjs/core'],
  ],
  'lib/live': [
    ...['node:*', ...pure, ...async, 'type lib/entities', 'lib/service', 'lib/http', 'lib/live'],
    ...['@nestjs/common', '@nestjs/core', 'rxjs'],
  ],
  'lib/testing': [
    ...['node:*', ...pure, 'type lib/entities', 'type lib/service', 'lib/http', 'lib/testing'],
    '@nestjs/common',
  ],
  lib: [
    ...[
      'node:*',
      ...pure,
      ...async,
      'lib/entities',
      'lib/store',
      'lib/events',
      'lib/service',
      'lib/http',
    ],
    ...['lib', 'package:*'],
  ],
};

export const layers = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { forbidden: '{{layer}} may not import {{target}}: it may import {{allowed}}.' },
  },
  create(context) {
    const layer = folderOf(relative(context.cwd, context.filename));
    const targets = allowed[layer] ?? [];

    function check(node) {
      const { source } = node;
      if (typeof source?.value !== 'string') return;
      const target = targetOf(source.value, context);
      const names = [target.name, target.file, target.kind];
      if (names.some((name) => targets.includes(name))) return;
      if (isType(node) && names.some((name) => targets.includes(`type ${name}`))) return;
      const data = { layer, target: target.name, allowed: targets.join(', ') || 'nothing' };
      context.report({ node: source, messageId: 'forbidden', data });
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

function isType({ type, importKind, exportKind }) {
  return type === 'TSImportType' || importKind === 'type' || exportKind === 'type';
}

function targetOf(specifier, context) {
  if (specifier.startsWith('node:')) return { name: specifier, kind: 'node:*' };
  if (specifier.startsWith('.') || isAbsolute(specifier)) {
    const path = relative(context.cwd, join(dirname(context.filename), specifier));
    return { name: folderOf(path), file: path.split(sep).join('/'), kind: 'lib:*' };
  }
  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
  return { name, kind: 'package:*' };
}

/** 'lib/store/schema/token.schema.ts' belongs to 'lib/store', 'lib/index.ts' to 'lib'. */
function folderOf(path) {
  return path.split(sep).slice(0, -1).slice(0, 2).join('/');
}
