// The lint rule that keeps the imports of lib/ running downward. It holds for every form of import: static, dynamic,
// `import type`, re-export, and `import('…')` as a type.
import { dirname, isAbsolute, join, relative, sep } from 'node:path';

const core = ['node:*', 'lib/tokens', 'lib/options'];
const store = [...core, 'lib/store', 'typeorm'];
const events = [
  ...core,
  'lib/store',
  'type typeorm',
  'lib/events',
  '@nestjs/common',
  '@nestjs/core',
];
const service = [...events, 'lib/service'];

const doors = [...service, 'lib/http', 'package:*'];

/**
 * What each folder of lib/, and lib/*.ts, may import. lib/django is an entry of its own, which must cost nothing to who
 * doesn't import it: nothing else of lib/ may.
 */
const allowed = {
  'lib/tokens': core,
  'lib/options': core,
  'lib/store': store,
  'lib/events': events,
  'lib/service': service,
  'lib/http': doors,
  'lib/django': [...doors, 'lib/django'],
  lib: [...doors, 'lib'],
};

export const layers = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { upward: '{{layer}} may not import {{target}}: it may import {{allowed}}.' },
  },
  create(context) {
    const layer = folderOf(relative(context.cwd, context.filename));
    const targets = allowed[layer] ?? [];

    function check(node) {
      const { source } = node;
      if (typeof source?.value !== 'string') return;
      const target = targetOf(source.value, context);
      if (targets.includes(target.name) || targets.includes(target.kind)) return;
      if (isType(node) && targets.includes(`type ${target.name}`)) return;
      const data = { layer, target: target.name, allowed: targets.join(', ') || 'nothing' };
      context.report({ node: source, messageId: 'upward', data });
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
    return { name: folderOf(path), kind: 'lib:*' };
  }
  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
  return { name, kind: 'package:*' };
}

/** 'lib/store/sql/insert.ts' belongs to 'lib/store', 'lib/index.ts' to 'lib'. */
function folderOf(path) {
  return path.split(sep).slice(0, -1).slice(0, 2).join('/');
}
