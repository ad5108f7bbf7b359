/** Addresses in the forms of proxies, and the networks that rate limits count. */
import { expect, test } from 'vitest';
import { forwardedAddresses, networkOf } from '../../src/core/network.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:443', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::9]:443', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:0201', '192.0.2.1'],
  ['', 'unknown'],
  ['localhost', 'unknown'],
  ['192.0.2.256', 'unknown'],
])('%s is of the network %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['198.51.100.7, 192.0.2.1:1234', '198.51.100.7, 192.0.2.1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['', ''],
  ['unknown', ''],
  ['<script>, 192.0.2.1', '192.0.2.1'],
  ['203.0.113.9, unknown, 192.0.2.1', '192.0.2.1'],
  ['192.0.2.1, unknown', ''],
  [' , 192.0.2.1,', '192.0.2.1'],
])('X-Forwarded-For %j has the addresses %j', (header, addresses) => {
  expect(forwardedAddresses(header)).toBe(addresses);
});
