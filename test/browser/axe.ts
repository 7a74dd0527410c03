import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * What axe finds wrong with the page as it is shown now, and where.
 *
 * @param rules of axe, default: those that it checks by default
 */
export async function violations(page: Page, rules?: string[]): Promise<string[]> {
  // Not with a script element, which a page's policy may refuse.
  await page.evaluate(AXE);
  const options = JSON.stringify(rules ? { runOnly: { type: 'rule', values: rules } } : {});
  return page.evaluate<string[]>(
    `axe.run(${options}).then(({ violations }) => violations.map(({ id, nodes }) =>
      id + ': ' + nodes.map(({ target }) => target.join(' ')).join(', ')))`,
  );
}
