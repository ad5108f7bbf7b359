/** Which network an address belongs to, as far as counting attempts is concerned. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * An IPv4 address is a network of its own; of an IPv6 address it is the /64, which one subscriber has
 * whole. `::ffff:` forms are the IPv4 address that they hold, and a port does not matter. Whatever is
 * no address shares one network.
 */
export function networkOf(address: string): string {
  const bare = withoutPort(address).replace(/%.*$/, '');
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return 'unknown';
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
