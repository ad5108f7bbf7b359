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

/** A hung server costs one of the outbox's hands for so long. */
const defaultPatience = 20_000;

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
  parts: {
    readonly mailbox: DevelopmentMailbox;
    readonly publicUrl: string;
    readonly log: Log;
    /** Milliseconds that the server may be silent. */
    readonly patience?: number;
  },
): Mailer {
  const { mailbox, publicUrl, log, patience = defaultPatience } = parts;
  if (settings.kind === 'smtp') {
    return createSmtpMailer(settings, { hostname: new URL(publicUrl).hostname, patience });
  }
  return {
    async send(mail) {
      await mailbox.keep({ ...mail, from: settings.from });
      log.info({ to: mail.to, subject: mail.subject }, `mail kept at ${publicUrl}/dev/mailbox`);
    },
    close: () => undefined,
  };
}

function createSmtpMailer(
  settings: Extract<MailSettings, { kind: 'smtp' }>,
  { hostname, patience }: { hostname: string; patience: number },
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
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
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
