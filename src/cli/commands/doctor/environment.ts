/** Checks of `doctor` outside of the database: data directory, proxy and mail server. */
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAllowedHost } from '../../../api/http/security-headers.ts';
import type { Config } from '../../../config/config.ts';
import { tryMailServer } from '../../../mail/mailer.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;

export async function checkDirectory({ dataDirectory }: Config): Promise<Finding[]> {
  const check = 'data directory';
  const found = await stat(dataDirectory).catch(() => undefined);
  if (!found) return [ok(check, `${dataDirectory} is created at the first start`)];
  const { R_OK, W_OK, X_OK } = constants;
  const isAccessible = await access(dataDirectory, R_OK | W_OK | X_OK).then(
    () => true,
    () => false,
  );
  if (!isAccessible) {
    const remedy = 'run as its owner, or set GATEHOUSE_DATA_DIR to your own directory';
    return [fail(check, `${dataDirectory} is not readable and writable`, remedy)];
  }
  const paths = [dataDirectory, join(dataDirectory, 'secret-key')];
  const findings = await Promise.all(paths.map((path) => checkPermissions(path)));
  return findings.find((finding) => finding !== undefined) ?? [ok(check, dataDirectory)];
}

/** Access by other users. A directory may be searchable: PostgreSQL's user needs that for its files. */
async function checkPermissions(path: string): Promise<Finding[] | undefined> {
  const found = await stat(path).catch(() => undefined);
  const forOthers = (found?.mode ?? 0) & (found?.isDirectory() ? 0o066 : 0o077);
  if (forOthers === 0) return undefined;
  const what = `${path} is open to other users of this machine`;
  return [warn('data directory', what, `chmod go-rwx ${path}`)];
}

/** The settings for the way from clients through the proxy to the server. */
export function checkProxy(config: Config): Finding[] {
  const { publicUrl, trustedProxyHops, host, allowedHosts } = config;
  const url = new URL(publicUrl);
  const check = 'proxy';
  const findings: Finding[] = [];
  if (!isAllowedHost(url.host, allowedHosts)) {
    const what = `ALLOWED_HOSTS has no ${url.hostname}, so links in mails get the status 400`;
    findings.push(fail(check, what, `add ${url.hostname} to ALLOWED_HOSTS`));
  }
  if (url.protocol === 'http:' && !loopback.test(url.hostname)) {
    const what = `PUBLIC_URL is ${publicUrl}: passwords travel without TLS`;
    findings.push(
      warn(check, what, 'put a proxy with TLS in front, and set PUBLIC_URL to its https:// origin'),
    );
  }
  if (url.protocol === 'https:' && trustedProxyHops === 0) {
    const what =
      'PUBLIC_URL is https, so a proxy is in front, but TRUST_PROXY is 0: all clients have the address of the proxy';
    findings.push(warn(check, what, 'set TRUST_PROXY to the number of proxies in front'));
  }
  if (trustedProxyHops > 0 && !loopback.test(host)) {
    const what = `HOST is ${host}: a client that reaches port ${config.port} past the proxy can forge its address`;
    findings.push(warn(check, what, 'restrict the port to the proxy, with HOST or a firewall'));
  }
  return findings.length > 0
    ? findings
    : [ok(check, `${publicUrl} leads to ${host}, trusted proxies: ${trustedProxyHops}`)];
}

const check = 'mail server';
const smtpTimeoutMs = 4000;

export async function checkMailServer({ mail, publicUrl }: Config): Promise<Finding[]> {
  if (mail.kind === 'mailbox') {
    return [warn(check, 'none is set: mails go to the development mailbox', 'set EMAIL_HOST')];
  }
  const name = `${mail.host}:${mail.port}`;
  try {
    await tryMailServer(mail, { publicUrl, timeoutMs: smtpTimeoutMs });
  } catch (error) {
    return [fail(check, `${name}: ${reasonOf(error)}`, remedyFor(error))];
  }
  const { login } = mail;
  if (login && mail.encryption === 'none') {
    const what = `${name} gets the password without TLS`;
    return [warn(check, what, 'set EMAIL_USE_TLS=True')];
  }
  return [ok(check, `${name} accepts mails${login ? ` of ${login.user}` : ''}`)];
}

function remedyFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EAUTH') {
    return 'set EMAIL_HOST_USER and EMAIL_HOST_PASSWORD, or EMAIL_OAUTH2_…, to values that it accepts';
  }
  if (code === 'ETLS' || (error instanceof Error && /certificate/i.test(error.message))) {
    return 'set EMAIL_USE_TLS=False for a relay without TLS, EMAIL_CA_FILE for a private authority, or repair its certificate';
  }
  return 'check that it runs, EMAIL_HOST and EMAIL_PORT, and firewalls';
}
