import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const DATABASES = ['postgres', 'mariadb', 'sqlite'];
const LEVELS = ['READ COMMITTED', 'REPEATABLE READ'];

/** Values of titles that no literal of a test file spells out. */
const COMMON_VALUES = [
  ...DATABASES,
  ...DATABASES.flatMap((database) => LEVELS.map((level) => `${database} at ${level}`)),
  ...['1', '2', '3'],
];

/** Where `it.each` puts a value. */
const PLACEHOLDER = /%[sidfjop]|\$[a-z]\w*/i;

/**
 * The alternatives of the pattern that match no test's full name, as far as the file's source tells: the
 * values that `each` puts into a title are looked for among the strings of the file and of those that it imports.
 */
export function unmatchedAlternatives(file: string, pattern: RegExp): string[] {
  const { titles, strings } = readTestFile(file);
  return pattern.source.split('|').filter((alternative) => {
    const values = [...strings, ...COMMON_VALUES].filter((value) => alternative.includes(value));
    const regexp = new RegExp(alternative, pattern.flags);
    return !titles.some((title) => fillIn(title, values).some((name) => regexp.test(name)));
  });
}

interface TestFile {
  readonly titles: readonly string[];
  readonly strings: ReadonlySet<string>;
}

const testFiles = new Map<string, TestFile>();

function readTestFile(file: string): TestFile {
  const known = testFiles.get(file) ?? parseTestFile(file);
  testFiles.set(file, known);
  return known;
}

function parseTestFile(file: string): TestFile {
  const source = parse(file);
  const imported = source.statements
    .filter(ts.isImportDeclaration)
    .map(({ moduleSpecifier }) => (moduleSpecifier as ts.StringLiteral).text)
    .filter((path) => path.startsWith('.'))
    .map((path) => parse(join(dirname(file), path)));
  const strings = new Set([source, ...imported].flatMap(stringsIn));
  const titles: string[] = [];
  const visit = (node: ts.Node, outer: readonly string[]): void => {
    const title = titleOf(node);
    const path = title === undefined ? outer : [...outer, title];
    if (title !== undefined) titles.push(path.join(' '));
    ts.forEachChild(node, (child) => visit(child, path));
  };
  visit(source, []);
  return { titles, strings };
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
}

function stringsIn(node: ts.Node): string[] {
  if (ts.isStringLiteralLike(node)) return node.text === '' ? [] : [node.text];
  const found: string[] = [];
  ts.forEachChild(node, (child) => void found.push(...stringsIn(child)));
  return found;
}

/** The title that a call of `describe`, `it`, or a function such as `describeOnServers` gives. */
function titleOf(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !/^(?:describe|it\b)/.test(node.expression.getText())) return;
  const [title] = node.arguments;
  if (title && ts.isStringLiteralLike(title)) return title.text;
  if (!title || !ts.isTemplateExpression(title)) return undefined;
  return title.head.text + title.templateSpans.map(({ literal }) => `%s${literal.text}`).join('');
}

/** The title with each of the values in each of its places, or with nothing there. */
function fillIn(title: string, values: readonly string[]): string[] {
  const parts = title.split(PLACEHOLDER);
  return parts
    .slice(1)
    .reduce(
      (begun, part) => begun.flatMap((text) => ['', ...values].map((value) => text + value + part)),
      parts.slice(0, 1),
    );
}
