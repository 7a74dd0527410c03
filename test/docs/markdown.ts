import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { slugify } from '../../docs/.vitepress/slugify.ts';
import { ROOT } from './project.ts';

/** Every document of the repository but those of the API, which `npm run docs` makes of docstrings. */
export const DOCUMENTS = [
  ...markdownIn('.', { recursive: false }),
  ...markdownIn('docs'),
  ...markdownIn('bench', { recursive: false }),
  ...markdownIn('sample'),
];

function markdownIn(folder: string, { recursive } = { recursive: true }): string[] {
  return readdirSync(join(ROOT, folder), { recursive, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !/node_modules|dist|^reference\/api/.test(path))
    .map((path) => join(folder, path))
    .sort();
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** What stands under a heading, up to the next one of its level or above. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.endsWith(` ${heading}`));
  if (start === -1) throw new Error(`There is no heading "${heading}".`);
  const level = lines[start]!.indexOf(' ');
  let fenced = false;
  const length = lines.slice(start + 1).findIndex((line) => {
    if (line.startsWith('```')) fenced = !fenced;
    return !fenced && /^#+ /.test(line) && line.indexOf(' ') <= level;
  });
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

/** The rows of each table, without its head. */
export function tables(text: string): string[][][] {
  const found: string[][][] = [];
  for (const block of text.split(/\n(?!\|)/)) {
    const rows = block.split('\n').filter((line) => line.startsWith('|'));
    if (rows.length > 2) found.push(rows.slice(2).map(cells));
  }
  return found;
}

function cells(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** What stands between backticks. */
export function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

export function codeBlocks(text: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...text.matchAll(fence)].map(([, block]) => block!);
}

/** The anchors that code hosts, and the site, make of the headings. */
export function anchors(text: string): string[] {
  const headings = text.replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm);
  const slugs = [...headings].map(([, heading]) => slugify(heading!));
  // A second heading of the same words gets a number.
  return slugs.map((slug, i) => {
    const nth = slugs.slice(0, i).filter((earlier) => earlier === slug).length;
    return nth === 0 ? slug : `${slug}-${String(nth)}`;
  });
}
