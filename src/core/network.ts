/** IP addresses of clients as proxies write them, and the networks that rate limits count. */
import { isIP, isIPv6 } from 'node:net';

/**
 * The IP address in `text`, without port, brackets and zone. Proxies write forms such as
 * `192.0.2.1:443`, `[2001:db8::1]:443` and `fe80::1%eth0`. Undefined for any other text.
 */
function ipAddressOf(text: string): string | undefined {
  const bare = withoutPort(text.trim()).replace(/%.*$/s, '');
  return isIP(bare) === 0 ? undefined : bare;
}

/**
 * The IP addresses of an `X-Forwarded-For` header. Each proxy appends an entry at the right, so the
 * entries to the left of an invalid entry are not trustworthy and are dropped.
 */
export function forwardedAddresses(header: string): string {
  const addresses: string[] = [];
  for (const entry of header.split(',').reverse()) {
    if (entry.trim() === '') continue;
    const address = ipAddressOf(entry);
    if (address === undefined) break;
    addresses.unshift(address);
  }
  return addresses.join(', ');
}

/**
 * The network of an address for rate limits. An IPv4 address is its own network. An IPv6 address belongs
 * to its /64, because one subscriber has a whole /64. An IPv4-mapped address (`::ffff:`) counts as the IPv4
 * address. All invalid addresses share the network `unknown`.
 */
export function networkOf(address: string): string {
  const bare = ipAddressOf(address);
  if (bare === undefined || !isIPv6(bare)) return bare ?? 'unknown';
  const groups = groupsOf(bare);
  const [sixth = 0, seventh = 0, eighth = 0] = groups.slice(5);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && sixth === 0xffff;
  if (isMapped) return [seventh >> 8, seventh & 255, eighth >> 8, eighth & 255].join('.');
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The address of `192.0.2.1:443` and `[2001:db8::1]:443`. */
function withoutPort(address: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? address.replace(/^([\d.]+):\d+$/, '$1');
}

/** The eight groups of an IPv6 address. `URL` normalizes the address first. */
function groupsOf(address: string): number[] {
  const normal = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = normal.split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array(missing).fill('0'), ...after].map((group) => parseInt(group, 16));
}
