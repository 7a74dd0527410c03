/**
 * Makes a `formatExpiry` that writes an expiry as Django REST framework does by default: ISO 8601 with six decimals
 * unless they are zero, and the zone's offset, `Z` for UTC. Give Django's TIME_ZONE, such as `'America/Chicago'`.
 *
 * @throws RangeError for a zone that does not exist
 * @see DateTimeField.to_representation in rest_framework/fields.py
 * @publicApi
 */
export function djangoExpiry(timeZone = 'UTC'): (expiry: Date | null) => string | null {
  const zone = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  return (expiry) => {
    if (expiry === null) return null;
    const offset = offsetIn(zone, expiry);
    const local = new Date(expiry.getTime() + offset.minutes * 60_000).toISOString();
    const [seconds = '', decimals] = local.slice(0, -1).split('.');
    const fraction = decimals === '000' ? '' : `.${String(decimals)}000`;
    return `${seconds}${fraction}${offset.text}`;
  };
}

/** The offset in a name like `GMT-06:00`. Some ICU versions write a bare `GMT` for UTC. */
function offsetIn(zone: Intl.DateTimeFormat, moment: Date): { text: string; minutes: number } {
  const name = zone.formatToParts(moment).find(({ type }) => type === 'timeZoneName')?.value;
  const [, sign = '+', hours = '00', minutes = '00'] =
    /^GMT([+-])(\d\d):(\d\d)/.exec(name ?? '') ?? [];
  const size = Number(hours) * 60 + Number(minutes);
  if (size === 0) return { text: 'Z', minutes: 0 };
  return { text: `${sign}${hours}:${minutes}`, minutes: sign === '-' ? -size : size };
}
