import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machine } from './report.ts';

/** What a part of the bench has found. */
export interface Result {
  /** Tables in Markdown. */
  readonly text: string;
  /** The figures. Programs read them, so their keys do not change. */
  readonly figures: readonly object[];
  /** A picture of them, as SVG. */
  readonly picture: string;
}

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

export function jsonOf({ figures }: Result): string {
  return `${JSON.stringify(figures, null, 2)}\n`;
}

/** Writes the figures and the picture to files of this name, and the text to the README's section of this name. */
export function writeResult(name: string, result: Result): void {
  writeFileSync(`${FOLDER}/${name}.json`, jsonOf(result));
  writeFileSync(`${FOLDER}/${name}.svg`, result.picture);
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const readme = readFileSync(`${FOLDER}/README.md`, 'utf8');
  const [before, rest] = split(readme, start);
  const [, after] = split(rest, end);
  const section = `${start}\n${machine()}\n\n${result.text}\n${end}`;
  writeFileSync(`${FOLDER}/README.md`, `${before}${section}${after}`);
}

function split(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`bench/README.md has no ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
