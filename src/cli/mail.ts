/**
 * `mail preview` and `mail test`: how mails look, and whether the mail server takes them, without a
 * database; beside them the commands for the queue.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import type { CommandModule } from 'yargs';
import { type Config, readConfig } from '../core/config.ts';
import { defaultLocale, type SupportedLocale, supportedLocales } from '../core/locale.ts';
import { createLog } from '../core/log.ts';
import { formatMailbox } from '../core/mailbox-address.ts';
import { parseEmail, parseFields } from '../core/parse.ts';
import { printable } from '../core/printable.ts';
import { createDevelopmentMailbox } from '../mail/mailbox.ts';
import { previewMail, previewNames } from '../mail/previews.ts';
import { type MailName, writeMail } from '../mail/templates/templates.ts';
import { commandGroup } from './command-group.ts';
import { listMails, resendMails } from './mail-queue.ts';
import type { Terminal } from './terminal.ts';
import { type GlobalArguments, print } from './with-house.ts';

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
  const { createMailer } = await import('../mail/mailer.ts');
  const mailbox = createDevelopmentMailbox(join(config.dataDirectory, 'mailbox'));
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
