/** Sends a mail to the SMTP server or, without one, to the development mailbox. */
import type { Transporter } from 'nodemailer';
import type { MailSettings, SmtpSettings } from '../config/mail-settings.ts';
import { domainOf, formatMailAddress } from '../core/mail-address.ts';
import type { Log } from '../observability/log.ts';
import type { DevMailbox } from './dev-mailbox.ts';
import { loginSecrets, mailSecrets, redact } from './redact.ts';
import { createTokenSource, type SmtpOptions, transportOptions } from './smtp.ts';
import type { Mail } from './templates/layout.ts';

/** The server permanently rejects this recipient or this mail, for example with 550 or 552. */
export class MailRejected extends Error {}

/** The server accepts no mail at all: no connection, a timeout, a failed login, a rejected sender. */
export class SmtpUnavailable extends Error {
  constructor(reason: Error) {
    super(`The mail server is unavailable: ${reason.message}`, { cause: reason });
  }
}

/** RFC 3834 §5; the second one stops automatic replies of Microsoft Exchange. */
const automaticHeaders = {
  'Auto-Submitted': 'auto-generated',
  'X-Auto-Response-Suppress': 'All',
};

/** A server that does not answer blocks one of the job worker's slots for this time. */
const defaultTimeoutMs = 20_000;

export interface Mailer {
  /**
   * @param options.messageKey the left part of the Message-ID. It is unique to the mail and the same for
   *   every attempt, so that a receiver recognizes a repetition
   * @throws MailRejected for a permanent rejection; SmtpUnavailable, or any other error, when the mail
   *   was not accepted and another attempt makes sense
   */
  send(mail: Mail, options: { messageKey: string }): Promise<void>;
  /** Whether the server accepts connection, TLS and login. */
  isReachable(): Promise<boolean>;
  close(): void;
}

export function createMailer(
  settings: MailSettings,
  deps: {
    readonly mailbox: DevMailbox;
    readonly publicUrl: string;
    readonly log: Log;
    /** How long the server may be silent. */
    readonly timeoutMs?: number | undefined;
  },
): Mailer {
  const { mailbox, publicUrl, log, timeoutMs = defaultTimeoutMs } = deps;
  if (settings.kind === 'smtp') {
    return createSmtpMailer(settings, { hostname: new URL(publicUrl).hostname, timeoutMs });
  }
  return {
    async send(mail) {
      await mailbox.store({ ...mail, from: formatMailAddress(settings.from) });
      log.info({ to: mail.to, subject: mail.subject }, `mail stored at ${publicUrl}/dev/mailbox`);
    },
    isReachable: async () => true,
    close: () => undefined,
  };
}

function createSmtpMailer(
  settings: SmtpSettings,
  options: Pick<SmtpOptions, 'hostname' | 'timeoutMs'>,
): Mailer {
  const connection = connectionTo(settings, options);
  let opened: Promise<Transporter> | undefined;
  const open = () => {
    opened ??= openTransport(connection, { pool: true, maxConnections: 4 });
    return opened;
  };
  return {
    async send(mail, { messageKey }) {
      const message = {
        from: { ...settings.from }, // nodemailer changes this object
        ...mail,
        messageId: `<${messageKey}@${domainOf(settings.from)}>`,
        headers: automaticHeaders,
      };
      const transport = await open();
      await transport.sendMail(message).catch((error: Error) => {
        throw classify(redact(error, [...connectionSecrets(connection), ...mailSecrets(mail)]));
      });
    },
    isReachable: () =>
      tryConnection(connection).then(
        () => true,
        () => false,
      ),
    close: () => void opened?.then((transport) => transport.close()),
  };
}

/**
 * Connects, starts TLS and logs in as for a mail, but sends none.
 *
 * @param options.publicUrl its host name is the name of this client in EHLO
 * @throws Error with the reason why connection, TLS or login failed
 */
export async function tryMailServer(
  settings: SmtpSettings,
  { publicUrl, timeoutMs }: { readonly publicUrl: string; readonly timeoutMs: number },
): Promise<void> {
  const { hostname } = new URL(publicUrl);
  await tryConnection(connectionTo(settings, { hostname, timeoutMs }));
}

function connectionTo(
  settings: SmtpSettings,
  options: Pick<SmtpOptions, 'hostname' | 'timeoutMs'>,
): SmtpOptions {
  const { login } = settings;
  const hasTokens = login?.kind === 'refresh-token';
  const tokens = hasTokens ? createTokenSource(login, options.timeoutMs) : undefined;
  return { settings, tokens, ...options };
}

async function tryConnection(connection: SmtpOptions): Promise<void> {
  const transport = await openTransport(connection);
  try {
    await transport.verify().catch((error: Error) => {
      throw redact(error, connectionSecrets(connection));
    });
  } finally {
    transport.close();
  }
}

function connectionSecrets({ settings, tokens }: SmtpOptions): string[] {
  return settings.login ? loginSecrets(settings.login, tokens?.last()) : [];
}

/** Loads nodemailer with the first mail, which makes the start of the process faster. */
async function openTransport(
  connection: SmtpOptions,
  pooling?: { readonly pool: true; readonly maxConnections: number },
): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  return createTransport({ ...transportOptions(connection), ...pooling });
}

/**
 * A reply to the recipient or to the text concerns this mail only, and is permanent from 500 on. A
 * rejected login or sender is a fault of the configuration, which the operator will correct.
 */
function classify(error: Error): Error {
  const { code, command, responseCode } = error as Error & Partial<Record<string, unknown>>; // nodemailer's
  const concernsMail =
    (code === 'EENVELOPE' && command === 'RCPT TO') || (code === 'EMESSAGE' && command === 'DATA');
  if (concernsMail && typeof responseCode === 'number' && responseCode >= 500) {
    return new MailRejected(error.message);
  }
  return concernsMail || code === 'EENVELOPE' ? error : new SmtpUnavailable(error);
}
