import type { Outcome } from './compare.ts';
import { ADAPTERS } from './measure.ts';
import { ADAPTER_NAMES, nameOf } from './report.ts';

const WIDTH = 760;
const LABEL = 232;
const FULL = 430;
const ROW = 24;

/** Bars of requests per second, as SVG, on a light background: dark text could not be read on a dark page. */
export function chartOf(outcomes: readonly Outcome[]): string {
  const parts: string[] = [];
  let y = 40;
  for (const adapter of ADAPTERS) {
    const group = outcomes.filter((outcome) => outcome.adapter === adapter);
    if (group.length === 0) continue;
    const most = Math.max(...group.map(({ rps }) => rps));
    parts.push(text(24, y, ADAPTER_NAMES[adapter], 'class="head"'));
    y += 14;
    for (const outcome of group) {
      const width = Math.max(1, (outcome.rps / most) * FULL);
      const ours = outcome.guard.startsWith('knox') ? 'ours' : 'theirs';
      parts.push(
        text(LABEL, y + 16, nameOf(outcome), 'text-anchor="end"'),
        `<rect x="${LABEL + 10}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 7}" rx="2" class="${ours}"/>`,
        text(LABEL + 16 + width, y + 16, Math.round(outcome.rps).toLocaleString('en')),
      );
      y += ROW;
    }
    y += 36;
  }
  const height = y + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Requests per second of each guard">
<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f; }
.head { font-weight: 600; font-size: 15px; }
.ours { fill: #c2255c; }
.theirs { fill: #8c959f; }
</style>
<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
${parts.join('\n')}
${text(WIDTH - 20, height - 14, 'requests per second, one core, 32 connections', 'text-anchor="end"')}
</svg>
`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped}</text>`;
}
