/** Which Host headers are served, in the notation of ALLOWED_HOSTS. */

/**
 * Whether `hostHeader` is allowed: by name, by `.example.com` for a domain with all below it, or by
 * `*` for every name. The port does not matter.
 */
export function isAllowedHost(hostHeader: string | undefined, allowed: readonly string[]): boolean {
  if (hostHeader === undefined) return false;
  const name = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(:\d{1,5})?$/.exec(
    hostHeader.toLowerCase(),
  )?.[1];
  if (name === undefined) return false;
  return allowed.some((entry) => {
    if (entry === '*' || entry === name) return true;
    return entry.startsWith('.') && (name === entry.slice(1) || name.endsWith(entry));
  });
}
