const WIDTH = 760;
const ROW = 24;
/** What is right of the longest bar: its figure. */
const FIGURE = 98;
/** The width of the labels, by the number of columns. */
const LABELS = { 1: 232, 2: 130 } as const;

interface Bar {
  readonly label: string;
  readonly value: number;
  /** The figure beside the bar. */
  readonly text: string;
  /** Whether it shows this package, and nothing that it is compared with. */
  readonly isOurs: boolean;
}

/** Bars of one scale, in groups. */
export interface Panel {
  readonly title: string;
  readonly groups: readonly { readonly title?: string; readonly bars: readonly Bar[] }[];
}

interface Chart {
  readonly panels: readonly Panel[];
  readonly columns: keyof typeof LABELS;
  /** What it shows, for those who cannot see it. */
  readonly label: string;
  readonly caption: string;
}

/** Bars as SVG, on a light background: dark text could not be read on a dark page. */
export function chartOf({ panels, columns, label, caption }: Chart): string {
  const parts: string[] = [];
  let top = 0;
  for (let index = 0; index < panels.length; index += columns) {
    const ends = panels
      .slice(index, index + columns)
      .map((panel, column) => drawPanel(parts, panel, columns, (column * WIDTH) / columns, top));
    top = Math.max(...ends);
  }
  const height = top + 46;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${label}">
<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f; }
.head { font-weight: 600; font-size: 15px; }
.ours { fill: #c2255c; }
.theirs { fill: #8c959f; }
</style>
<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
${parts.join('\n')}
${text(WIDTH - 20, height - 14, caption, 'text-anchor="end"')}
</svg>
`;
}

/** Returns where it ends. */
function drawPanel(
  parts: string[],
  { title, groups }: Panel,
  columns: Chart['columns'],
  left: number,
  top: number,
): number {
  const start = left + LABELS[columns];
  const longest = WIDTH / columns - LABELS[columns] - FIGURE;
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  parts.push(text(left + 24, top + 40, title, 'class="head"'));
  let y = top + 54;
  for (const group of groups) {
    if (group.title !== undefined) {
      parts.push(text(left + 24, y + 16, group.title));
      y += ROW;
    }
    for (const bar of group.bars) {
      const width = Math.max(1, (bar.value / most) * longest);
      parts.push(
        text(start, y + 16, bar.label, 'text-anchor="end"'),
        `<rect x="${start + 10}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 7}" rx="2" class="${bar.isOurs ? 'ours' : 'theirs'}"/>`,
        text(start + 16 + width, y + 16, bar.text),
      );
      y += ROW;
    }
  }
  return y;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped}</text>`;
}
