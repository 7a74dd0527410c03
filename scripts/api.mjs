// The public API: what the declarations of each entry say, in a file for each in api/. `npm run api` writes these files,
// and `npm run api -- --check` fails if one says something else.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The names of the entries: 'index' for 'nestjs-knox', 'live' for 'nestjs-knox/live'. */
const ENTRIES = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports)
  .filter((path) => path !== './package.json')
  .map((path) => (path === '.' ? 'index' : path.slice(2)));

/** Where the API of an entry is kept. */
const fileOf = (entry) => join(root, 'api', `${entry}.txt`);

/** The API of each entry, by its name. */
function describeApi() {
  const declarations = emitDeclarations();
  const program = ts.createProgram([...declarations.keys()], ...hostOf(declarations));
  const checker = program.getTypeChecker();
  return new Map(
    ENTRIES.map((entry) => {
      const path = [...declarations.keys()].find((file) =>
        file.endsWith(entry === 'index' ? '/lib/index.d.ts' : `/lib/${entry}/index.d.ts`),
      );
      return [entry, textOf(program.getSourceFile(path), checker, declarations)];
    }),
  );
}

/** What tsc makes of lib/, by the path that a declaration has beside its source. */
function emitDeclarations() {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.esm.json'),
    { outDir: join(root, 'lib'), emitDeclarationOnly: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  );
  const program = ts.createProgram(config.fileNames, config.options);
  const declarations = new Map();
  program.emit(undefined, (path, text) => declarations.set(path, text));
  return declarations;
}

/** Options and a host that read the declarations in memory. */
function hostOf(declarations) {
  const options = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: ['node'],
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  const isSource = (path) => path.startsWith(join(root, 'lib/')) && !path.endsWith('.d.ts');
  host.fileExists = (path) => declarations.has(path) || (!isSource(path) && fileExists(path));
  host.readFile = (path) => declarations.get(path) ?? readFile(path);
  host.getSourceFile = (path, version) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, version, true);
  };
  return [options, host];
}

/** The exported declarations, in the order of the alphabet, and after them those of ours that they refer to. */
function textOf(entry, checker, declarations) {
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(entry))
    .map((symbol) => [symbol.name, resolved(symbol, checker)]);
  const seen = new Map(exported.map(([name, symbol]) => [symbol, name]));
  const queue = [...seen.keys()];
  const referred = new Set();
  for (const symbol of queue) {
    for (const declaration of ownDeclarations(symbol, declarations)) {
      for (const [other, isInherited] of referencesOf(publicPart(declaration), checker)) {
        const own = ownDeclarations(other, declarations);
        if (seen.has(other) || own.length === 0) continue;
        // What a class that is not exported can do matters only where an exported one inherits it.
        if (own.some(ts.isClassDeclaration) && !isInherited) continue;
        seen.set(other, other.name);
        referred.add(other);
        queue.push(other);
      }
    }
  }
  const print = (symbols) =>
    symbols
      .map((symbol) => [seen.get(symbol), printed(symbol, declarations)])
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, text]) => text)
      .join('\n\n');
  const shown = exported.map(([, symbol]) => symbol);
  const others = referred.size === 0 ? '' : `\n\n// Not exported\n\n${print([...referred])}`;
  return `${print(shown)}${others}\n`;
}

function resolved(symbol, checker) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The declarations at the top of a file of ours. */
function ownDeclarations(symbol, declarations) {
  return (symbol.declarations ?? [])
    .map((node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node))
    .filter((node) => declarations.has(node.getSourceFile().fileName))
    .filter((node) => ts.isSourceFile(node.parent));
}

/** The nodes that users of the package depend on: private members are not among them. */
function publicPart(declaration) {
  if (!ts.isClassDeclaration(declaration)) return [declaration];
  return [
    ...(declaration.typeParameters ?? []),
    ...(declaration.heritageClauses ?? []),
    ...declaration.members.filter((member) => !isPrivate(member)),
  ];
}

function isPrivate(member) {
  const { name, modifiers = [] } = member;
  return (
    (name && ts.isPrivateIdentifier(name)) ||
    modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  );
}

/** The symbols in some nodes, and whether each is inherited from. */
function referencesOf(nodes, checker) {
  const found = [];
  const visit = (node, isInherited) => {
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      if (symbol) found.push([resolved(symbol, checker), isInherited]);
    }
    node.forEachChild((child) => visit(child, isInherited || ts.isHeritageClause(node)));
  };
  for (const node of nodes) visit(node, false);
  return found;
}

/** A declaration without its comments and its private members. */
function printed(symbol, declarations) {
  const printer = ts.createPrinter({ removeComments: true });
  return ownDeclarations(symbol, declarations)
    .map((node) => {
      const [shown] = ts.transform(node, [withoutPrivateMembers]).transformed;
      return printer.printNode(ts.EmitHint.Unspecified, shown, node.getSourceFile());
    })
    .join('\n');
}

const withoutPrivateMembers = (context) => (node) => {
  if (!ts.isClassDeclaration(node)) return node;
  return context.factory.updateClassDeclaration(
    node,
    node.modifiers,
    node.name,
    node.typeParameters,
    node.heritageClauses,
    node.members.filter((member) => !isPrivate(member)),
  );
};

/** The lines of a text that another one has not. */
function linesOnlyIn(text, other) {
  const lines = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !lines.has(line));
}

const isCheck = process.argv.includes('--check');
for (const [entry, text] of describeApi()) {
  const file = fileOf(entry);
  const kept = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (kept === text) continue;
  if (isCheck) {
    console.error(`The API of ${entry} is not that of api/${entry}.txt:`);
    for (const line of linesOnlyIn(kept, text)) console.error(`- ${line}`);
    for (const line of linesOnlyIn(text, kept)) console.error(`+ ${line}`);
    console.error('If that is meant, run `npm run api`, and add a changeset that says so.');
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
