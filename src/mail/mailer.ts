/** Hands a finished mail to the mail server or, where none is set, to the development mailbox. */
import type { Transporter } from 'nodemailer';
import type { MailSettings, SmtpSettings } from '../config/mail-settings.ts';
import { domainOf, formatMailbox } from '../core/mailbox-address.ts';
import type { Log } from '../observability/log.ts';
import type { DevMailbox } from './dev-mailbox.ts';
import { redact, secretsOf, writingsOfLogin } from './redact.ts';
import { createTokenSource, type SmtpOptions, transportOptions } from './smtp.ts';
import type { Mail } from './templates/layout.ts';

/** The server took us, but for good neither this recipient nor this mail; such as 550 or 552. */
export class MailRefused extends Error {}

/** The server took no mail at all: it is not there, too slow, or does not let us in. */
export class SmtpUnavailable extends Error {
  /** How the message of each begins. */
  static readonly beginning = 'The mail server takes no mail: ';
}

/** A hung server costs one of the outbox's hands for so long. */
const defaultPatience = 20_000;

export interface Mailer {
  /**
   * @param options.messageKey unique, and the same for every attempt at the same mail, so that a
   *   receiver can tell a repetition: the left part of the Message-ID
   * @throws MailRefused when the server will have nothing of this mail; MailServerAway, or any other
   *   error, when it was not accepted and is to be tried again
   */
  send(mail: Mail, options: { messageKey: string }): Promise<void>;
  /** Whether a mail would be taken, as far as can be told without one. */
  isReachable(): Promise<boolean>;
  close(): void;
}

export function createMailer(
  settings: MailSettings,
  parts: {
    readonly mailbox: DevMailbox;
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
      await mailbox.store({ ...mail, from: formatMailbox(settings.from) });
      log.info({ to: mail.to, subject: mail.subject }, `mail stored at ${publicUrl}/dev/mailbox`);
    },
    isReachable: async () => true,
    close: () => undefined,
  };
}

function createSmtpMailer(
  settings: SmtpSettings,
  { hostname, patience }: { hostname: string; patience: number },
): Mailer {
  const connection = connectionTo(settings, { hostname, timeoutMs: patience });
  let opened: Promise<Transporter> | undefined;
  const open = () => {
    opened ??= openTransport(connection, { pool: true, maxConnections: 4 });
    return opened;
  };
  return {
    async send(mail, { messageKey }) {
      const message = {
        from: { ...settings.from }, // nodemailer writes into it
        ...mail,
        messageId: `<${messageKey}@${domainOf(settings.from)}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      };
      const transport = await open();
      await transport.sendMail(message).catch((error: Error) => {
        throw kindOf(redact(error, [...secretsOfLogin(connection), ...secretsOf(mail)]));
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
 * Connects, says hello, turns TLS on and logs in as for a mail, and sends none.
 *
 * @param options.publicUrl names this client to the server, which may look it up
 * @throws Error with what the server, or the way to it, had against it
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
      throw redact(error, secretsOfLogin(connection));
    });
  } finally {
    transport.close();
  }
}

function secretsOfLogin({ settings, tokens }: SmtpOptions): string[] {
  return settings.login ? writingsOfLogin(settings.login, tokens?.last()) : [];
}

/** nodemailer is loaded with the first mail: nothing needs it to start. */
async function openTransport(
  connection: SmtpOptions,
  pooling?: { readonly pool: true; readonly maxConnections: number },
): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  return createTransport({ ...transportOptions(connection), ...pooling });
}

/**
 * A refusal when the server has something against the recipient or the text, for good with a code of
 * five hundred and something. Refused logins and senders are faults of the configuration, which
 * somebody will mend.
 */
function kindOf(error: Error): Error {
  const { code, command, responseCode } = error as Error & Partial<Record<string, unknown>>; // nodemailer's
  const isOfThisMail =
    (code === 'EENVELOPE' && command === 'RCPT TO') || (code === 'EMESSAGE' && command === 'DATA');
  if (isOfThisMail && typeof responseCode === 'number' && responseCode >= 500) {
    return new MailRefused(error.message);
  }
  if (isOfThisMail || code === 'EENVELOPE') return error;
  return new SmtpUnavailable(SmtpUnavailable.beginning + error.message);
}
