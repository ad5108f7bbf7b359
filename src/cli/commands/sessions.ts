/** `sessions list` and `sessions revoke`: where a person is logged in, and ending that. */
import type { CommandModule } from 'yargs';
import type { Session } from '../../features/sessions/session.entity.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import { type Column, formatOf, type ListArguments, listOptions, printList } from '../listing.ts';
import { UsageError } from '../usage.ts';
import { userPositional } from './users/show.ts';

interface ListSessionsArguments extends ListArguments {
  readonly user: string;
}

interface RevokeArguments extends GlobalArguments {
  readonly id: string | undefined;
  readonly user: string | undefined;
}

const columns: readonly Column<Session>[] = [
  { name: 'id', title: 'ID', isWhole: true, value: ({ id }) => id },
  { name: 'createdAt', title: 'CREATED', value: ({ createdAt }) => createdAt },
  { name: 'lastUsedAt', title: 'LAST USED', value: ({ lastUsedAt }) => lastUsedAt },
  { name: 'expiresAt', title: 'EXPIRES', value: ({ expiresAt }) => expiresAt },
  { name: 'ipAddress', title: 'FROM', value: ({ ipAddress }) => ipAddress },
  { name: 'userAgent', title: 'CLIENT', value: ({ userAgent }) => userAgent },
];

const listSessions: CommandModule<GlobalArguments, ListSessionsArguments> = {
  command: 'list <user>',
  describe: 'List the live sessions of a person, the one used last first',
  builder: (argv) => listOptions(argv).positional('user', userPositional),
  handler: async (given) => {
    const format = formatOf(given);
    const sessions = await withAppContext(
      given.terminal,
      async (app, context) => app.sessions.list(await app.lookup.userId(given.user, context)),
      { purpose: 'read' },
    );
    await printList([sessions], columns, { format, stdout: given.terminal.stdout });
  },
};

const revokeSessions: CommandModule<GlobalArguments, RevokeArguments> = {
  command: 'revoke [id]',
  describe: 'End a session by its id in the list, or all of a person',
  builder: (argv) =>
    argv.positional('id', { type: 'string', describe: 'Id of a session' }).option('user', {
      type: 'string',
      requiresArg: true,
      describe: 'End all sessions of this person, by address, username or id',
    }),
  handler: async ({ id, user, ...given }) => {
    if ((id === undefined) === (user === undefined)) {
      throw new UsageError('Give the id of a session, or --user.');
    }
    const email = await withAppContext(
      given.terminal,
      async ({ accountRecovery, lookup, directory }, context) => {
        if (id !== undefined) return accountRecovery.revokeSessionById(id, context);
        const userId = await lookup.userId(user, context);
        await accountRecovery.revokeUserSessions(userId, context);
        return (await directory.user(userId, context))?.email ?? '';
      },
    );
    const text =
      id === undefined ? `All sessions of ${email} ended.` : `A session of ${email} ended.`;
    print({ text, json: { id: id ?? null, email } }, given);
  },
};

export const sessionsCommand = commandGroup({
  name: 'sessions',
  describe: 'List and end the sessions of a person',
  commands: (argv) => argv.command(listSessions).command(revokeSessions),
});
