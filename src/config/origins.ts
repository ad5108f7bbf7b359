/** The origins whose scripts may read responses (CORS) and use the session cookie: one list for both. */
import type { Config } from './config.ts';

/** Whether an Origin header is that of PUBLIC_URL or matches CORS_ALLOWED_ORIGINS. */
export type OriginCheck = (origin: string | undefined) => boolean;

export function createOriginCheck({
  publicUrl,
  corsAllowedOrigins,
}: Pick<Config, 'publicUrl' | 'corsAllowedOrigins'>): OriginCheck {
  const isPattern = (origin: string) => origin.includes('*');
  const listed = corsAllowedOrigins.filter((origin) => !isPattern(origin));
  const exact = new Set([originOf(publicUrl), ...listed]);
  const patterns = corsAllowedOrigins.filter(isPattern).map(patternOf);
  return (origin) =>
    origin !== undefined && (exact.has(origin) || patterns.some((pattern) => pattern.test(origin)));
}

export function originOf(url: string): string {
  return new URL(url).origin;
}

/** `https://*.example.com` matches subdomains of any depth, and not example.com itself. */
function patternOf(origin: string): RegExp {
  const [scheme = '', domain = ''] = origin.split('*.').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${scheme}(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+${domain}$`);
}
