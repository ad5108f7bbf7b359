/** The mailer without the service, on a mail server of a test. */
import { readConfig } from '../../src/config/config.ts';
import { createDevMailbox } from '../../src/mail/dev-mailbox.ts';
import { createMailer, type Mailer } from '../../src/mail/mailer.ts';
import { createLog } from '../../src/observability/log.ts';
import { type MailServer, type MailServerOptions, startMailServer } from './mail-server.ts';

interface TestMailerOptions {
  readonly server: Pick<MailServer, 'port'>;
  /** A directory of the test; nothing is written there. */
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The SMTP timeout in milliseconds. */
  readonly timeoutMs?: number;
}

export function createTestMailer(options: TestMailerOptions): Mailer {
  const { server, directory, environment = {}, timeoutMs = 5000 } = options;
  const variables = {
    EMAIL_HOST: '127.0.0.1',
    EMAIL_PORT: String(server.port),
    EMAIL_FROM: 'gatehouse@example.com',
    PUBLIC_URL: 'https://auth.example.com',
    ...environment,
  };
  const { mail, publicUrl } = readConfig(variables, directory);
  const log = createLog({ isReadable: false, level: 'silent' });
  return createMailer(mail, { mailbox: createDevMailbox(directory), publicUrl, log, timeoutMs });
}

export const letter = {
  to: 'ada@example.com',
  subject: 'Hello',
  text: 'Hello.',
  html: '<p>Hello.</p>',
};

/** Sends one mail to a server with these options, and returns the received mail. */
export async function sendOne(
  directory: string,
  options: MailServerOptions,
  environment: Readonly<Record<string, string>> = {},
) {
  const server = await startMailServer(options);
  const mailer = createTestMailer({ server, directory, environment });
  try {
    await mailer.send(letter, { messageKey: 'key-1' });
    return server.mails[0];
  } finally {
    mailer.close();
    await server.close();
  }
}
