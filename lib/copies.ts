/** Where all copies of the package in this process find each other. */
const COPIES = Symbol.for('nestjs-knox:copies');

/** Marks KnoxModule, in whichever copy it is. */
export const KNOX_MODULE = Symbol.for('nestjs-knox:module');

/** What to do about a second copy. */
export const ONE_COPY =
  'load one: by import or by require, not both, and one version (npm ls nestjs-knox); in a bundle, leave it external';

const { [COPIES]: copies = new Set<object>() } = globalThis as { [COPIES]?: Set<object> };
Object.assign(globalThis, { [COPIES]: copies });
copies.add({});

/** How many copies of the package this process has loaded. */
export function countCopies(): number {
  return copies.size;
}
