/** IP addresses as proxies write them, and the network that an address belongs to for rate limits. */
import { isIP, isIPv6 } from 'node:net';

/**
 * The IP address in `text`, without port, brackets and zone: `192.0.2.1:443`, `[2001:db8::1]:443` and
 * `fe80::1%eth0` are forms that proxies write. Undefined for any other text.
 */
function ipAddressOf(text: string): string | undefined {
  const bare = withoutPort(text.trim()).replace(/%.*$/s, '');
  return isIP(bare) === 0 ? undefined : bare;
}

/**
 * An `X-Forwarded-For` header with IP addresses only. Each proxy adds an entry at the right, so
 * everything to the left of an entry that is no address counts for nothing.
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
 * An IPv4 address is a network of its own; of an IPv6 address it is the /64, which one subscriber has
 * whole. `::ffff:` forms are the IPv4 address that they hold, and a port does not matter. Whatever is
 * no address shares one network.
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

/** `192.0.2.1:443` and `[2001:db8::1]:443`, as some proxies write them. */
function withoutPort(address: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? address.replace(/^([\d.]+):\d+$/, '$1');
}

/** The eight groups of an IPv6 address, which `URL` brings into its one normal form first. */
function groupsOf(address: string): number[] {
  const normal = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = normal.split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array(missing).fill('0'), ...after].map((group) => parseInt(group, 16));
}
