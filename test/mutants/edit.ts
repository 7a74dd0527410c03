import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * A change to one symbol of `lib`, such as `Semaphore.acquire`, `KeyedMutex.#semaphores` or
 * `postgresDialect.begin`. The file is found by the symbol, so that code can be moved.
 */
export type Edit =
  | { readonly symbol: string; readonly pattern: RegExp; readonly replacement: string }
  | { readonly symbol: string; readonly body: string };

/** The texts of `lib` by their paths, which begin with `lib/`. */
export type Sources = ReadonlyMap<string, string>;

interface Declaration {
  readonly path: string;
  readonly node: ts.Node;
}

/**
 * Replaces what the pattern matches in the symbol's source. It must match once; with the flag `g`, at
 * least once. The pattern sees the source without comments and line breaks, so that formatting does
 * not matter. The replacement may refer to groups: `$1`.
 */
export function replaceIn(symbol: string, pattern: RegExp, replacement: string): Edit {
  return { symbol, pattern, replacement };
}

/** Replaces the statements of a function or a method, or the value of anything else. */
export function replaceBody(symbol: string, body: string): Edit {
  return { symbol, body };
}

export function readSources(root = '.'): Sources {
  const paths = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `lib/${path}`);
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/**
 * The files that a mutant changes, with their new texts.
 *
 * @throws Error if a symbol or a pattern is gone or ambiguous
 */
export function mutate(
  sources: Sources,
  { name, edits }: { readonly name: string; readonly edits: readonly Edit[] },
): Map<string, string> {
  const changed = new Map<string, string>();
  for (const edit of edits) {
    try {
      const [path, text] = applyEdit(new Map([...sources, ...changed]), edit);
      changed.set(path, text);
    } catch (error) {
      throw new Error(`Mutant "${name}": ${(error as Error).message}`, { cause: error });
    }
  }
  return changed;
}

function applyEdit(sources: Sources, edit: Edit): [path: string, text: string] {
  const { path, node } = findSymbol(sources, edit.symbol);
  const [target, code] =
    'body' in edit ? replacedBody(node, edit) : [node, replacedText(node, edit)];
  const { text } = node.getSourceFile();
  return [path, text.slice(0, target.getStart()) + code + text.slice(target.getEnd())];
}

function replacedText(node: ts.Node, edit: Extract<Edit, { pattern: RegExp }>): string {
  const { symbol, pattern, replacement } = edit;
  const text = onOneLine(node);
  const count = [...text.matchAll(new RegExp(pattern, `${pattern.flags.replace('g', '')}g`))]
    .length;
  if (count === 1 || (count > 1 && pattern.global)) return text.replace(pattern, replacement);
  throw new Error(
    `${String(pattern)} matches ${String(count)} times, not once, in ${symbol}. Adapt the pattern to ` +
      `the source, or delete the mutant if the bug is no longer possible. The source: ${text}`,
  );
}

function replacedBody(node: ts.Node, edit: Extract<Edit, { body: string }>): [ts.Node, string] {
  const value = (node as Partial<ts.HasInitializer>).initializer ?? node;
  const { body } = value as Partial<ts.FunctionLikeDeclaration>;
  if (body) return [body, `{ ${edit.body} }`];
  if (value !== node) return [value, edit.body];
  throw new Error(`${edit.symbol} has no body and no value to replace. Name another symbol.`);
}

const printer = ts.createPrinter({ removeComments: true });

function onOneLine(node: ts.Node): string {
  const text = printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
  return text.replace(/\s*\n\s*/g, ' ');
}

function findSymbol(sources: Sources, symbol: string): Declaration {
  const [first, ...members] = symbol.split('.');
  let found = [...sources].flatMap(([path, text]) =>
    declarationsIn(parse(path, text), first).map((node) => ({ path, node })),
  );
  for (const member of members) {
    found = found.flatMap(({ path, node }) =>
      declarationsIn(node, member).map((inner) => ({ path, node: inner })),
    );
  }
  const [declaration] = found;
  if (declaration && found.length === 1) return declaration;
  const where = declaration ? `: in ${found.map(({ path }) => path).join(', ')}` : '';
  throw new Error(
    `lib declares ${symbol} ${String(found.length)} times, not once${where}. Name the symbol that ` +
      'has this code now, or delete the mutant if the bug is no longer possible.',
  );
}

/**
 * What declares the name: the statements of a file, the members of a class; in a function or an object,
 * at any depth, but not inside of another that declares it.
 */
function declarationsIn(parent: ts.Node, name: string | undefined): ts.Node[] {
  const isFlat = ts.isSourceFile(parent) || ts.isClassLike(parent);
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    const isList = ts.isVariableStatement(node) || ts.isVariableDeclarationList(node);
    if (isCode(node) && nameOf(node) === name) found.push(node);
    else if (!isFlat || isList) ts.forEachChild(node, visit);
  };
  ts.forEachChild(parent, visit);
  return found;
}

/** Leaves out types, and a function's overloads. */
function isCode(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return 'body' in node && node.body !== undefined;
  return (
    ts.isClassLike(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertyAssignment(node)
  );
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  return (node as Partial<ts.NamedDeclaration>).name?.getText();
}

const parsed = new Map<string, ts.SourceFile>();

function parse(path: string, text: string): ts.SourceFile {
  const file = parsed.get(text) ?? ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  parsed.set(text, file);
  return file;
}
