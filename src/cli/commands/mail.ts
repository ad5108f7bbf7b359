/**
 * `mail preview` and `mail test`: how mails look, and whether the mail server takes them, without a
 * database; beside them the commands for the queue.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import type { CommandModule } from 'yargs';
import { type Config, readConfig } from '../../config/config.ts';
import { formatMailbox } from '../../core/mailbox-address.ts';
import { parseEmail, parseFields } from '../../core/parse.ts';
import { printable } from '../../core/text.ts';
import type { QueuedMail } from '../../features/operations/mail-queue.ts';
import { defaultLocale, type SupportedLocale, supportedLocales } from '../../i18n/locale.ts';
import type { JobState } from '../../jobs/queue.ts';
import { createDevMailbox } from '../../mail/dev-mailbox.ts';
import { previewMail, previewNames } from '../../mail/templates/previews.ts';
import { type MailName, writeMail } from '../../mail/templates/templates.ts';
import { createLog } from '../../observability/log.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import type { Terminal } from '../io.ts';
import {
  type Column,
  formatOf,
  type ListArguments,
  limitOption,
  listOptions,
  parseLimit,
  printList,
} from '../listing.ts';
import type { Colour } from '../table.ts';
import { UsageError } from '../usage.ts';

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
  describe: 'Write the HTML part of a mail with made-up data',
  builder: (argv) =>
    argv
      .positional('name', { choices: previewNames, demandOption: true, describe: 'Which mail' })
      .option('locale', language)
      .option('output', {
        type: 'string',
        requiresArg: true,
        describe: 'File to write it to; standard output when left out',
      }),
  handler: async ({ name, locale, output, ...given }) => {
    const { subject, text, html } = previewMail(name, {
      locale,
      publicUrl: configOf(given.terminal).publicUrl,
    });
    if (output !== undefined) await writeFile(output, html);
    const summary = output === undefined ? html.trimEnd() : `Wrote ${name} to ${output}.`;
    print({ text: summary, json: { name, locale, subject, text, html } }, given);
  },
};

const testCommand: CommandModule<GlobalArguments, TestArguments> = {
  command: 'test <address>',
  describe: 'Send a mail right now, to see that mails arrive',
  builder: (argv) =>
    argv
      .positional('address', { type: 'string', demandOption: true, describe: 'Where to' })
      .option('locale', language),
  handler: async ({ address, locale, ...given }) => {
    const { to } = parseFields({ to: () => parseEmail(address) });
    const { mail } = configOf(given.terminal);
    await sendTestMail(given.terminal, { to, locale });
    const text =
      mail.kind === 'smtp'
        ? `${mail.host}:${mail.port} took a mail to ${to} from ${formatMailbox(mail.from)}.`
        : `No mail server is set (EMAIL_HOST), so the mail to ${to} was kept in the development mailbox.`;
    print({ text, json: { to, isSent: mail.kind === 'smtp' } }, given);
  },
};

function configOf(terminal: Terminal): Config {
  return readConfig(terminal.env, terminal.cwd());
}

/** @throws Error with the mail server's refusal */
async function sendTestMail(
  terminal: Terminal,
  recipient: { readonly to: string; readonly locale: SupportedLocale },
): Promise<void> {
  const config = configOf(terminal);
  const log = createLog({ isReadable: config.debug, level: 'warn', stream: terminal.stderr });
  const { createMailer } = await import('../../mail/mailer.ts');
  const mailbox = createDevMailbox(join(config.dataDirectory, 'mailbox'));
  const mailer = createMailer(config.mail, { mailbox, publicUrl: config.publicUrl, log });
  try {
    await mailer.send(writeMail('test', recipient, {}), { messageKey: uuidv7() });
  } catch (error) {
    // Without the cause, whose code could be taken for that of the database.
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The test mail was not sent:\n  ${printable(reason)}`);
  } finally {
    mailer.close();
  }
}

export const mailCommand = commandGroup({
  name: 'mail',
  describe: 'Look at the mails, test that they arrive, see to those that do not',
  commands: (argv) =>
    argv.command(previewCommand).command(testCommand).command(listMails).command(resendMails),
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

const stateColours: Readonly<Record<JobState, Colour | undefined>> = {
  waiting: undefined,
  retrying: 'yellow',
  dead: 'red',
};

const columns: readonly Column<QueuedMail>[] = [
  { name: 'id', title: 'ID', isWhole: true, value: ({ id }) => id },
  {
    name: 'state',
    title: 'STATE',
    value: ({ state }) => state,
    colour: ({ state }) => stateColours[state],
  },
  { name: 'mail', title: 'MAIL', value: ({ mail }) => mail },
  { name: 'to', title: 'TO', value: ({ to }) => to },
  { name: 'attempts', title: 'ATTEMPTS', value: ({ attempts }) => attempts },
  { name: 'createdAt', title: 'MADE', value: ({ createdAt }) => createdAt },
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
        describe: 'Only those that are not tried again by themselves',
      })
      .option('limit', {
        ...limitOption,
        default: String(defaultLimit),
        describe: 'At most so many',
      }),
  handler: async (given) => {
    const format = formatOf(given);
    const list = { isDeadOnly: given.dead, limit: parseLimit(given.limit) };
    const { terminal } = given;
    const mails = await withAppContext(terminal, ({ mailQueue }) => mailQueue.list(list), {
      purpose: 'read',
    });
    await printList([mails], columns, { format, stdout: terminal.stdout });
  },
};

const resendMails: CommandModule<GlobalArguments, ResendArguments> = {
  command: 'resend [ids..]',
  describe: 'Send mails again that failed, by their ids in the list',
  builder: (argv) =>
    argv
      .positional('ids', { type: 'string', array: true, describe: 'Which mails' })
      .option('all-dead', { type: 'boolean', default: false, describe: 'All dead ones' }),
  handler: async ({ ids = [], allDead, ...given }) => {
    if (allDead !== (ids.length === 0))
      throw new UsageError('Name mails by id, or say --all-dead.');
    const wrong = ids.find((id) => !/^\d{1,18}$/.test(id));
    if (wrong !== undefined) throw new UsageError('The id of a mail is a number; see mail list.');
    const resent = await withAppContext(given.terminal, ({ mailQueue }) =>
      mailQueue.resend(allDead ? undefined : ids),
    );
    const mails = resent.length === 1 ? 'mail is' : 'mails are';
    print({ text: `${resent.length} ${mails} due now.`, json: { resent } }, given);
  },
};

/** The answer of a mail server, which may have several lines, as one. */
function oneLine(text: string | null): string | null {
  return text === null ? null : printable(text).replace(/\s+/g, ' ').trim();
}
