/** `mail list` and `mail resend`: the mails that are not sent yet. */
import type { CommandModule } from 'yargs';
import { printable } from '../core/printable.ts';
import type { JobState } from '../db/job-queue.ts';
import type { QueuedMail } from '../features/administration/mail-queue.ts';
import {
  type Column,
  formatOf,
  type ListArguments,
  limitOption,
  listOptions,
  parseLimit,
  printList,
} from './listing.ts';
import type { Colour } from './table.ts';
import { UsageError } from './usage.ts';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

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

export const listMails: CommandModule<GlobalArguments, ListMailsArguments> = {
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
    const mails = await withHouse(terminal, ({ mailQueue }) => mailQueue.list(list), {
      purpose: 'read',
    });
    await printList([mails], columns, { format, stdout: terminal.stdout });
  },
};

export const resendMails: CommandModule<GlobalArguments, ResendArguments> = {
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
    const resent = await withHouse(given.terminal, ({ mailQueue }) =>
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
