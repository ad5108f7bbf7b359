/** A real SMTP server in the process of the test, and its received mails. */
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  /** The display name of the sender. */
  readonly fromName: string;
  /** The header Auto-Submitted (RFC 3834 §5). */
  readonly autoSubmitted: string | undefined;
  /** The header X-Auto-Response-Suppress of Microsoft Exchange. */
  readonly suppressed: string | undefined;
  /** The client's HELO name, its use of TLS, and its login. */
  readonly client: {
    readonly helo: string;
    readonly isSecure: boolean;
    readonly user: string | undefined;
  };
}

export interface MailServer {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** Waits for `count` mails to an address. */
  waitFor(to: string, count?: number): Promise<ReceivedMail[]>;
  close(): Promise<void>;
}

const timeoutMilliseconds = 20_000;

export interface MailServerOptions extends SMTPServerOptions {
  /** Called with each complete mail; an error rejects it. */
  readonly judge?: (text: string, messageId: string) => Error | undefined;
}

export async function startMailServer({
  judge,
  ...options
}: MailServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 100,
    async onData(stream, session, done) {
      const parsed = await simpleParser(stream).catch((error: Error) => error);
      if (parsed instanceof Error) return done(parsed); // the client was killed
      const refusal = judge?.(parsed.text ?? '', parsed.messageId ?? '');
      if (refusal) return done(refusal);
      for (const { address } of session.envelope.rcptTo) {
        mails.push({
          from: parsed.from?.value[0]?.address ?? '',
          to: address,
          subject: parsed.subject ?? '',
          text: parsed.text ?? '',
          html: typeof parsed.html === 'string' ? parsed.html : '',
          messageId: parsed.messageId ?? '',
          fromName: parsed.from?.value[0]?.name ?? '',
          autoSubmitted: parsed.headers.get('auto-submitted')?.toString(),
          suppressed: parsed.headers.get('x-auto-response-suppress')?.toString(),
          client: {
            helo: session.hostNameAppearsAs ?? '',
            isSecure: session.secure,
            user: session.user,
          },
        });
      }
      done();
    },
    ...options,
  });
  server.on('error', () => undefined); // some tests disconnect clients
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo; // listens on TCP
  return {
    port,
    mails,
    async waitFor(to, count = 1) {
      const deadline = Date.now() + timeoutMilliseconds;
      for (;;) {
        const found = mails.filter((mail) => mail.to === to);
        if (found.length >= count) return found;
        if (Date.now() > deadline) {
          throw new Error(`${found.length} mails to ${to}, waited for ${count}`);
        }
        await sleep(20);
      }
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** The values of all lines such as `Code: …` in a mail; at least one. */
export function factsOf(mail: ReceivedMail | undefined, name: string): string[] {
  const lines = (mail?.text ?? '').matchAll(new RegExp(`^${name}: (\\S+)$`, 'gm'));
  const values = [...lines].map(([, value = '']) => value);
  if (values.length === 0) throw new Error(`no ${name} in: ${mail?.text}`);
  return values;
}

/** The value of a line such as `Code: …` in a mail. */
export function factOf(mail: ReceivedMail | undefined, name: string): string {
  const value = new RegExp(`^${name}: (\\S+)$`, 'm').exec(mail?.text ?? '')?.[1];
  if (value === undefined) throw new Error(`no ${name} in: ${mail?.text}`);
  return value;
}

/** The short codes of a mail, each on a line of its own. */
export function shortCodesOf(mail: ReceivedMail | undefined): string[] {
  const codes = mail?.text.match(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/gm);
  if (!codes) throw new Error(`no short code in: ${mail?.text}`);
  return codes;
}
