import { readFileSync } from 'node:fs';

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: string[]; readonly node_types: [string[]] };
  };
  readonly nodes: number[];
  readonly strings: string[];
}

/** What V8 makes of code, which it may do at any time. */
const OF_CODE = new Set(['code', 'hidden']);

/**
 * How many there are of each kind, but of what V8 makes of code: of objects and functions by their names, of all else by
 * what they are.
 */
export function countsOf(path: string): Map<string, number> {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(path, 'utf8')) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name] = [fields.indexOf('type'), fields.indexOf('name')];
  const counts = new Map<string, number>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const kind = types[0][nodes[node + type]!]!;
    if (OF_CODE.has(kind)) continue;
    const isNamed = kind === 'object' || kind === 'closure';
    const key = isNamed ? `${kind} ${strings[nodes[node + name]!]!}` : kind;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
