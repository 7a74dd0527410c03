import { describe, expect, it } from '@jest/globals';
import { storedClient } from '../../lib/requests/stored-client.ts';

const NOTHING = ['', 'localhost', '1.2.3', '1.2.3.4.5', '300.1.1.1', 'unknown', ':::', '1.2.3.4\0'];

const ipOf = (ip: string | null, storedIp: 'network' | 'full' | 'none'): string | null =>
  storedClient({ ip, userAgent: null }, storedIp).ip;

describe('the stored address', () => {
  it.each([
    ['192.0.2.17', '192.0.2.0', '192.0.2.17'],
    ['10.0.0.0', '10.0.0.0', '10.0.0.0'],
    ['::ffff:192.0.2.17', '192.0.2.0', '192.0.2.17'],
    ['::FFFF:192.0.2.17', '192.0.2.0', '192.0.2.17'],
    [
      '2001:db8:85a3:8d3:1319:8a2e:370:7348',
      '2001:db8:85a3::',
      '2001:db8:85a3:8d3:1319:8a2e:370:7348',
    ],
    ['2001:0DB8:00a3::1', '2001:db8:a3::', '2001:0DB8:00a3::1'],
    ['2001:db8::1', '2001:db8::', '2001:db8::1'],
    ['2001::5:6:7:8', '2001::', '2001::5:6:7:8'],
    ['1::3:4:5:6:7:8', '1:0:3::', '1::3:4:5:6:7:8'],
    ['::1', '::', '::1'],
    ['::', '::', '::'],
    ['1:2::', '1:2::', '1:2::'],
    ['64:ff9b::192.0.2.17', '64:ff9b::', '64:ff9b::192.0.2.17'],
    ['1:2:3:4:5:6:192.0.2.17', '1:2:3::', '1:2:3:4:5:6:192.0.2.17'],
    ['fe80::1%eth0', 'fe80::', 'fe80::1'],
    ['fe80::1%', 'fe80::', 'fe80::1'],
  ])('of %s is %s, in full %s', (ip, network, full) => {
    expect(ipOf(ip, 'network')).toBe(network);
    expect(ipOf(ip, 'full')).toBe(full);
    expect(ipOf(ip, 'none')).toBeNull();
    expect(full.length).toBeLessThanOrEqual(45);
  });

  it.each(['::ffff:c000:211', '::ffff:c000:0211', '0:0:0:0:0:ffff:c000:211'])(
    'of the IPv4 client %s keeps no more of it than its network',
    (ip) => {
      expect(ipOf(ip, 'network')).not.toContain('211');
    },
  );

  it.each(NOTHING.map((ip) => [ip]))('of %j is none', (ip) => {
    expect(ipOf(ip, 'network')).toBeNull();
    expect(ipOf(ip, 'full')).toBeNull();
  });

  it('of no client is none', () => {
    expect(storedClient(null, 'full')).toEqual({ ip: null, userAgent: null });
    expect(ipOf(null, 'full')).toBeNull();
  });
});

describe('the stored User-Agent', () => {
  const stored = (userAgent: string): string | null =>
    storedClient({ ip: null, userAgent }, 'network').userAgent;

  it('is the header', () => {
    expect(stored('Mozilla/5.0 (X11)')).toBe('Mozilla/5.0 (X11)');
    expect(stored('')).toBe('');
  });

  it('is cut to 255 characters, and to no half of one', () => {
    expect(stored('x'.repeat(10_000))).toBe('x'.repeat(255));
    expect(stored('💻'.repeat(300))).toBe('💻'.repeat(255));
    expect(stored(`${'x'.repeat(254)}💻💻`)).toBe(`${'x'.repeat(254)}💻`);
  });

  it('has nothing that a database refuses', () => {
    expect(stored('a\0b')).toBe('ab');
    expect(stored('a\ud800b')).toBe('a\ufffdb');
  });
});
