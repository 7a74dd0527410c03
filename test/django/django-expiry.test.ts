import { describe, expect, it } from '@jest/globals';
import { djangoExpiry } from '../../lib/django/index.ts';

const at = (iso: string): Date => new Date(iso);

describe('djangoExpiry', () => {
  it('writes what Django wrote, but for the microseconds', () => {
    // The login answer of the fixture is 2026-11-23T20:34:57.681345-06:00.
    const format = djangoExpiry('America/Chicago');
    expect(format(at('2026-11-24T02:34:57.681Z'))).toBe('2026-11-23T20:34:57.681000-06:00');
  });

  it('leaves out decimals that are all zero, as Python does', () => {
    expect(djangoExpiry()(at('2026-11-24T02:34:57.000Z'))).toBe('2026-11-24T02:34:57Z');
    expect(djangoExpiry()(at('2026-11-24T02:34:57.001Z'))).toBe('2026-11-24T02:34:57.001000Z');
  });

  it('goes by the zone’s offset at that moment', () => {
    const berlin = djangoExpiry('Europe/Berlin');
    expect(berlin(at('2026-10-25T00:59:59.000Z'))).toBe('2026-10-25T02:59:59+02:00');
    expect(berlin(at('2026-10-25T01:00:00.000Z'))).toBe('2026-10-25T02:00:00+01:00');
    expect(djangoExpiry('Asia/Kolkata')(at('2026-01-01T00:00:00.000Z'))).toBe(
      '2026-01-01T05:30:00+05:30',
    );
    expect(djangoExpiry('America/St_Johns')(at('2026-01-01T00:00:00.000Z'))).toBe(
      '2025-12-31T20:30:00-03:30',
    );
  });

  it('writes Z for any zone that is at UTC', () => {
    const london = djangoExpiry('Europe/London');
    expect(london(at('2026-01-01T12:00:00.000Z'))).toBe('2026-01-01T12:00:00Z');
    expect(london(at('2026-07-01T12:00:00.000Z'))).toBe('2026-07-01T13:00:00+01:00');
  });

  it('leaves null what never expires', () => {
    expect(djangoExpiry('America/Chicago')(null)).toBeNull();
  });

  it('refuses a zone that does not exist, at once', () => {
    expect(() => djangoExpiry('America/Gotham')).toThrow(RangeError);
  });
});
