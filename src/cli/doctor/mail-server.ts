/** Looks at the mail server: as far as a mail would get, without one. */
import type { Config } from '../../core/config.ts';
import { tryMailServer } from '../../mail/mailer.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';

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
