const BROWSERS = [
  ['Edge', /Edg\//],
  ['Opera', /OPR\//],
  ['Firefox', /Firefox\//],
  ['Chrome', /Chrom(e|ium)\//],
  ['Safari', /Safari\//],
];
const SYSTEMS = [
  ['Android', /Android/],
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux|X11/],
];

/** What a User-Agent header means to its user, such as "Firefox on Windows". */
export function clientOf(userAgent) {
  const find = (known) => known.find(([, pattern]) => pattern.test(userAgent ?? ''))?.[0];
  const parts = [find(BROWSERS), find(SYSTEMS)].filter(Boolean);
  return parts.join(' on ') || 'Unknown browser';
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** Such as "5 minutes ago". */
export function ago(instant) {
  const seconds = (Date.now() - instant.getTime()) / 1_000;
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? [];
  return unit ? relative.format(-Math.floor(seconds / length), unit) : 'just now';
}

/** A `time` element, with the exact instant for those who point at it. */
export function timeElement(instant, text) {
  const element = document.createElement('time');
  element.dateTime = instant.toISOString();
  element.title = instant.toLocaleString('en');
  element.textContent = text;
  return element;
}
