/** Client addresses behind proxies: the forwarded IP address, or else that of the peer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkOf } from '../../../src/core/network.ts';
import { goodPassword, type Login, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { TRUST_PROXY: '2', RATE_LIMITS: 'off' } });
});
afterAll(() => service.close());

/** Logs in behind proxies, and returns the address of the session and of the log. */
async function addressesBehind(forwarded: string, someone: Login & { email: string }) {
  const before = service.logLines.length;
  const response = await service.rest('POST', '/login/', {
    json: { email: someone.email, password: goodPassword },
    headers: { 'x-forwarded-for': forwarded },
  });
  expect(response.status).toBe(200);
  const [session] = await service.database.query<{ ip_address: string }>(
    'select ip_address from sessions order by created_at desc, id desc limit 1',
  );
  const logged = service.logLines
    .slice(before)
    .map((line) => JSON.parse(line) as { ip?: string }) // as pino writes it
    .flatMap(({ ip }) => ip ?? []);
  return [...new Set([session?.ip_address, ...logged])];
}

describe('J11: an entry of X-Forwarded-For', () => {
  let someone: Login & { email: string };
  beforeAll(async () => {
    someone = await somebody(service);
  });

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:4711', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%\u009b2K', 'fe80::1'],
    ['203.0.113.7, 198.51.100.2', '203.0.113.7'],
    ['203.0.113.9, 203.0.113.7, 198.51.100.2', '203.0.113.7'],
    [' 203.0.113.7 ,, 198.51.100.2 , ', '203.0.113.7'],
  ])('%j is the address %s', async (forwarded, address) => {
    expect(await addressesBehind(forwarded, someone)).toEqual([address]);
  });

  test.each([
    'unknown',
    '_hidden',
    'for=203.0.113.7',
    '203.0.113.7 drop table',
    '203.0.113.256',
    '203.0.113.7:port',
    'fe80::1\u009b2K',
    '"203.0.113.7"',
    'x'.repeat(2000),
    '203.0.113.9, unknown',
  ])('%j is no address, so the address of the peer is used', async (forwarded) => {
    expect(await addressesBehind(forwarded, someone)).toEqual(['127.0.0.1']);
  });

  test('J11: entries to the left of an invalid entry are ignored', async () => {
    expect(await addressesBehind('203.0.113.9, unknown, 198.51.100.2', someone)).toEqual([
      '198.51.100.2',
    ]);
  });
});

test.each([
  ['192.0.2.1:443', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['[2001:db8:1:2:3::4]:443', '2001:db8:1:2::/64'],
  ['not an address', 'unknown'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
