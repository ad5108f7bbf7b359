/** Looks at what is around the service: its directory, and what stands between it and its callers. */
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
  if (!found) return [ok(check, `${dataDirectory} is made at the first start`)];
  const { R_OK, W_OK, X_OK } = constants;
  const isOurs = await access(dataDirectory, R_OK | W_OK | X_OK).then(
    () => true,
    () => false,
  );
  if (!isOurs) {
    const remedy = 'run as its owner, or set GATEHOUSE_DATA_DIR to a directory of your own';
    return [fail(check, `${dataDirectory} cannot be read and written`, remedy)];
  }
  const open = [dataDirectory, join(dataDirectory, 'secret-key')];
  const findings = await Promise.all(open.map((path) => checkRights(path)));
  return findings.find((finding) => finding !== undefined) ?? [ok(check, dataDirectory)];
}

/** Whether others than the owner may look into it; a search bit alone leads to PostgreSQL's files. */
async function checkRights(path: string): Promise<Finding[] | undefined> {
  const found = await stat(path).catch(() => undefined);
  const forOthers = (found?.mode ?? 0) & (found?.isDirectory() ? 0o066 : 0o077);
  if (forOthers === 0) return undefined;
  const what = `${path} is open to other users of this machine`;
  return [warn('data directory', what, `chmod go-rwx ${path}`)];
}

/** How callers reach us, by what the configuration says of it. */
export function checkProxy(config: Config): Finding[] {
  const { publicUrl, trustedProxyHops, host, allowedHosts } = config;
  const url = new URL(publicUrl);
  const check = 'proxy';
  const findings: Finding[] = [];
  if (!isAllowedHost(url.host, allowedHosts)) {
    const what = `ALLOWED_HOSTS has no ${url.hostname}, so the links of mails are answered with 400`;
    findings.push(fail(check, what, `add ${url.hostname} to ALLOWED_HOSTS`));
  }
  if (url.protocol === 'http:' && !loopback.test(url.hostname)) {
    const what = `PUBLIC_URL is ${publicUrl}: passwords travel without TLS`;
    findings.push(warn(check, what, 'put a proxy with TLS in front, and https:// into PUBLIC_URL'));
  }
  if (url.protocol === 'https:' && trustedProxyHops === 0) {
    const what =
      'PUBLIC_URL is https, which a proxy in front must do, and TRUST_PROXY is 0: all callers look like the proxy';
    findings.push(warn(check, what, 'set TRUST_PROXY to the number of proxies in front'));
  }
  if (trustedProxyHops > 0 && !loopback.test(host)) {
    const what = `HOST is ${host}: who reaches port ${config.port} past the proxy chooses the address that is believed`;
    findings.push(warn(check, what, 'let only the proxy reach the port, by HOST or by a firewall'));
  }
  return findings.length > 0
    ? findings
    : [ok(check, `${publicUrl} leads to ${host}, trusted proxies: ${trustedProxyHops}`)];
}

const check = 'mail server';
const patienceMilliseconds = 4000;

export async function checkMailServer({ mail, publicUrl }: Config): Promise<Finding[]> {
  if (mail.kind === 'mailbox') {
    return [warn(check, 'none is set: mails go to the development mailbox', 'set EMAIL_HOST')];
  }
  const name = `${mail.host}:${mail.port}`;
  try {
    await tryMailServer(mail, { publicUrl, timeoutMs: patienceMilliseconds });
  } catch (error) {
    return [fail(check, `${name}: ${reasonOf(error)}`, remedyFor(error))];
  }
  const { login } = mail;
  if (login && mail.encryption === 'none') {
    const what = `${name} is given the password without TLS`;
    return [warn(check, what, 'set EMAIL_USE_TLS=True')];
  }
  return [ok(check, `${name} takes mails${login ? ` of ${login.user}` : ''}`)];
}

function remedyFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EAUTH') {
    return 'set EMAIL_HOST_USER and EMAIL_HOST_PASSWORD, or EMAIL_OAUTH2_…, to what it accepts';
  }
  if (code === 'ETLS' || (error instanceof Error && /certificate/i.test(error.message))) {
    return 'set EMAIL_USE_TLS=False for a relay without TLS, EMAIL_CA_FILE for a private authority, or mend its certificate';
  }
  return 'see that it runs, and that EMAIL_HOST, EMAIL_PORT and a firewall lead to it';
}
