/** Hands a finished mail to the mail server or, where none is set, to the development mailbox. */
import { createTransport } from 'nodemailer';
import type { MailSettings } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import type { DevelopmentMailbox } from './mailbox.ts';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Mailer {
  /**
   * @param options.messageKey the same for every attempt at the same mail, so that a receiver can
   *   tell a repetition
   * @throws Error when the mail was not accepted; it is to be tried again
   */
  send(mail: Mail, options: { messageKey: string }): Promise<void>;
  close(): void;
}

export function createMailer(
  settings: MailSettings,
  { mailbox, publicUrl, log }: { mailbox: DevelopmentMailbox; publicUrl: string; log: Log },
): Mailer {
  if (settings.kind === 'smtp') return createSmtpMailer(settings, new URL(publicUrl).hostname);
  return {
    async send(mail) {
      await mailbox.keep({ ...mail, from: settings.from });
      log.info({ to: mail.to, subject: mail.subject }, `mail kept at ${publicUrl}/dev/mailbox`);
    },
    close: () => undefined,
  };
}

/** Timeouts are milliseconds; a hung server costs one of the outbox's hands for half a minute. */
function createSmtpMailer(
  settings: Extract<MailSettings, { kind: 'smtp' }>,
  hostname: string,
): Mailer {
  const isTlsFromTheStart = settings.port === 465;
  const transport = createTransport({
    pool: true,
    maxConnections: 4,
    host: settings.host,
    port: settings.port,
    secure: isTlsFromTheStart,
    requireTLS: settings.useTls && !isTlsFromTheStart,
    ignoreTLS: !settings.useTls,
    ...(settings.user === undefined
      ? {}
      : { auth: { user: settings.user, pass: settings.password ?? '' } }),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail, { messageKey }) {
      await transport.sendMail({
        from: settings.from,
        ...mail,
        messageId: `<${messageKey}@${hostname}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
    },
    close: () => transport.close(),
  };
}
