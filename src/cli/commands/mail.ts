/**
 * `mail preview|texts|test|list|resend`: the content of mails, a test of the mail server, and the mail queue.
 * Only the mail queue needs the database.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import type { CommandModule } from 'yargs';
import { type Config, readConfig } from '../../config/config.ts';
import { textsFor } from '../../config/presentation.ts';
import { formatMailAddress } from '../../core/mail-address.ts';
import { parseEmail, parseFields } from '../../core/parse.ts';
import { printable } from '../../core/text.ts';
import type { QueuedMail } from '../../features/operations/mail-queue.ts';
import { defaultLocale, type SupportedLocale, supportedLocales } from '../../i18n/locale.ts';
import { translations } from '../../i18n/translate.ts';
import type { JobState } from '../../jobs/queue.ts';
import { createDevMailbox } from '../../mail/dev-mailbox.ts';
import { previewMail, previewNames } from '../../mail/templates/previews.ts';
import { createMailWriter, type MailName } from '../../mail/templates/templates.ts';
import { createLog } from '../../observability/log.ts';
import {
  commandGroup,
  type GlobalArguments,
  type ListArguments,
  limitOption,
  listOptions,
  parseFormat,
  parseLimit,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import type { Terminal } from '../io.ts';
import { type Color, type Column, print, printList } from '../output.ts';

interface LanguageArguments extends GlobalArguments {
  readonly locale: SupportedLocale;
}

interface PreviewArguments extends LanguageArguments {
  readonly name: MailName;
  readonly output: string | undefined;
}

interface TestArguments extends LanguageArguments {
  readonly address: string;
}

const language = {
  choices: supportedLocales,
  default: defaultLocale,
  requiresArg: true,
  describe: 'Language of the mail',
} as const;

const previewCommand: CommandModule<GlobalArguments, PreviewArguments> = {
  command: 'preview <name>',
  describe: 'Write the HTML part of a mail with sample data',
  builder: (argv) =>
    argv
      .positional('name', {
        choices: previewNames,
        demandOption: true,
        describe: 'Name of the mail',
      })
      .option('locale', language)
      .option('output', {
        type: 'string',
        requiresArg: true,
        describe: 'File to write to; the default is standard output',
      }),
  handler: async ({ name, locale, output, ...args }) => {
    const config = readTerminalConfig(args.terminal);
    const { publicUrl } = config;
    const writeMail = mailWriterFor(config);
    const { subject, text, html } = previewMail(name, { locale, publicUrl, writeMail });
    if (output !== undefined) await writeFile(output, html);
    const summary = output === undefined ? html.trimEnd() : `Wrote ${name} to ${output}.`;
    print({ text: summary, json: { name, locale, subject, text, html } }, args);
  },
};

const testCommand: CommandModule<GlobalArguments, TestArguments> = {
  command: 'test <address>',
  describe: 'Send a test mail immediately',
  builder: (argv) =>
    argv
      .positional('address', { type: 'string', demandOption: true, describe: 'Recipient' })
      .option('locale', language),
  handler: async ({ address, locale, ...args }) => {
    const { to } = parseFields({ to: () => parseEmail(address) });
    const { mail } = readTerminalConfig(args.terminal);
    await sendTestMail(args.terminal, { to, locale });
    const text =
      mail.kind === 'smtp'
        ? `${mail.host}:${mail.port} accepted a mail to ${to} from ${formatMailAddress(mail.from)}.`
        : `No mail server is set (EMAIL_HOST), so the mail to ${to} is in the development mailbox.`;
    print({ text, json: { to, isSent: mail.kind === 'smtp' } }, args);
  },
};

const textsCommand: CommandModule<GlobalArguments, LanguageArguments> = {
  command: 'texts',
  describe: 'Print the built-in texts of mails and pages as JSON, ready for TEMPLATES_DIR',
  builder: (argv) => argv.option('locale', { ...language, describe: 'Language of the texts' }),
  handler: ({ locale, ...args }) => {
    const texts = translations[locale];
    print({ text: JSON.stringify(texts, undefined, 2), json: texts }, args);
  },
};

function mailWriterFor(config: Config) {
  return createMailWriter({ texts: textsFor(config), brand: config.brand });
}

function readTerminalConfig(terminal: Terminal): Config {
  return readConfig(terminal.env, terminal.cwd());
}

/** @throws Error with the reply of the mail server */
async function sendTestMail(
  terminal: Terminal,
  recipient: { readonly to: string; readonly locale: SupportedLocale },
): Promise<void> {
  const config = readTerminalConfig(terminal);
  const log = createLog({ isReadable: config.debug, level: 'warn', stream: terminal.stderr });
  const { createMailer } = await import('../../mail/mailer.ts');
  const mailbox = createDevMailbox(join(config.dataDirectory, 'mailbox'));
  const mailer = createMailer(config.mail, { mailbox, publicUrl: config.publicUrl, log });
  try {
    const mail = mailWriterFor(config)('test', recipient, {});
    await mailer.send(mail, { messageKey: uuidv7() });
  } catch (error) {
    // Without the cause: `describeFailure` could take its code for an error of the database connection.
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The test mail was not sent:\n  ${printable(reason)}`);
  } finally {
    mailer.close();
  }
}

export const mailCommand = commandGroup({
  name: 'mail',
  describe: 'Preview mails, print their texts, test the mail server, list and resend unsent mails',
  commands: (argv) =>
    argv
      .command(previewCommand)
      .command(textsCommand)
      .command(testCommand)
      .command(listMails)
      .command(resendMails),
});

interface ListMailsArguments extends ListArguments {
  readonly dead: boolean;
  readonly limit: string;
}

interface ResendArguments extends GlobalArguments {
  readonly ids: readonly string[] | undefined;
  readonly 'all-dead': boolean;
}

const defaultLimit = 100;

const stateColors: Readonly<Record<JobState, Color | undefined>> = {
  waiting: undefined,
  retrying: 'yellow',
  dead: 'red',
};

const columns: readonly Column<QueuedMail>[] = [
  { name: 'id', title: 'ID', isNeverCut: true, value: ({ id }) => id },
  {
    name: 'state',
    title: 'STATE',
    value: ({ state }) => state,
    color: ({ state }) => stateColors[state],
  },
  { name: 'mail', title: 'MAIL', value: ({ mail }) => mail },
  { name: 'to', title: 'TO', value: ({ to }) => to },
  { name: 'attempts', title: 'ATTEMPTS', value: ({ attempts }) => attempts },
  { name: 'createdAt', title: 'CREATED', value: ({ createdAt }) => createdAt },
  {
    name: 'nextAttemptAt',
    title: 'NEXT ATTEMPT',
    value: ({ state, runAt }) => (state === 'dead' ? null : runAt),
  },
  { name: 'lastError', title: 'LAST ERROR', value: ({ lastError }) => oneLine(lastError) },
];

const listMails: CommandModule<GlobalArguments, ListMailsArguments> = {
  command: 'list',
  describe: 'List the mails that are not sent yet, oldest first',
  builder: (argv) =>
    listOptions(argv)
      .option('dead', {
        type: 'boolean',
        default: false,
        describe: 'Only mails without further attempts',
      })
      .option('limit', {
        ...limitOption,
        default: String(defaultLimit),
        describe: 'Maximum number of mails',
      }),
  handler: async (args) => {
    const format = parseFormat(args);
    const list = { isDeadOnly: args.dead, limit: parseLimit(args.limit) };
    const { terminal } = args;
    const mails = await withAppContext(terminal, ({ mail }) => mail.queue.list(list), {
      purpose: 'read',
    });
    await printList([mails], columns, { format, stdout: terminal.stdout });
  },
};

const resendMails: CommandModule<GlobalArguments, ResendArguments> = {
  command: 'resend [ids..]',
  describe: 'Send failed mails again, by their ids in the list',
  builder: (argv) =>
    argv
      .positional('ids', { type: 'string', array: true, describe: 'Ids of mails' })
      .option('all-dead', { type: 'boolean', default: false, describe: 'All dead mails' }),
  handler: async ({ ids = [], allDead, ...args }) => {
    if (allDead !== (ids.length === 0)) throw new UsageError('Give ids of mails, or --all-dead.');
    const malformed = ids.find((id) => !/^\d{1,18}$/.test(id));
    if (malformed !== undefined)
      throw new UsageError('The id of a mail is a number; see mail list.');
    const resent = await withAppContext(args.terminal, ({ mail }) =>
      mail.queue.resend(allDead ? undefined : ids),
    );
    const mails = resent.length === 1 ? 'mail is' : 'mails are';
    print({ text: `${resent.length} ${mails} due now.`, json: { resent } }, args);
  },
};

/** The reply of a mail server, which can have several lines, on one line. */
function oneLine(text: string | null): string | null {
  return text === null ? null : printable(text).replace(/\s+/g, ' ').trim();
}
