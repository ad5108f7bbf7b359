/** `sessions list` and `sessions revoke`: the sessions of a user. */

import type { CommandModule } from 'yargs';
import type { Session } from '../../features/sessions/session.entity.ts';
import {
  commandGroup,
  type GlobalArguments,
  type ListArguments,
  listOptions,
  parseFormat,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, print, printList } from '../output.ts';
import { userPositional } from './users/user-command.ts';

interface ListSessionsArguments extends ListArguments {
  readonly user: string;
}

interface RevokeArguments extends GlobalArguments {
  readonly id: string | undefined;
  readonly user: string | undefined;
}

const columns: readonly Column<Session>[] = [
  { name: 'id', title: 'ID', isNeverCut: true, value: ({ id }) => id },
  { name: 'createdAt', title: 'CREATED', value: ({ createdAt }) => createdAt },
  { name: 'lastUsedAt', title: 'LAST USED', value: ({ lastUsedAt }) => lastUsedAt },
  { name: 'expiresAt', title: 'EXPIRES', value: ({ expiresAt }) => expiresAt },
  { name: 'ipAddress', title: 'FROM', value: ({ ipAddress }) => ipAddress },
  { name: 'userAgent', title: 'CLIENT', value: ({ userAgent }) => userAgent },
];

const listSessions: CommandModule<GlobalArguments, ListSessionsArguments> = {
  command: 'list <user>',
  describe: 'List the live sessions of a user, last used first',
  builder: (argv) => listOptions(argv).positional('user', userPositional),
  handler: async (args) => {
    const format = parseFormat(args);
    const sessions = await withAppContext(
      args.terminal,
      async (app, context) =>
        app.auth.sessions.list(await app.admin.lookup.userId(args.user, context)),
      { purpose: 'read' },
    );
    await printList([sessions], columns, { format, stdout: args.terminal.stdout });
  },
};

const revokeSessions: CommandModule<GlobalArguments, RevokeArguments> = {
  command: 'revoke [id]',
  describe: 'Revoke a session by its id in the list, or all sessions of a user',
  builder: (argv) =>
    argv.positional('id', { type: 'string', describe: 'Id of a session' }).option('user', {
      type: 'string',
      requiresArg: true,
      describe: 'Revoke all sessions of this user, by email address, username or id',
    }),
  handler: async ({ id, user, ...args }) => {
    if ((id === undefined) === (user === undefined)) {
      throw new UsageError('Give the id of a session, or --user.');
    }
    const email = await withAppContext(args.terminal, async ({ admin }, context) => {
      if (id !== undefined) return admin.accountRecovery.revokeSessionById(id, context);
      const userId = await admin.lookup.userId(user, context);
      await admin.accountRecovery.revokeUserSessions(userId, context);
      return (await admin.directory.user(userId, context))?.email ?? '';
    });
    const text =
      id === undefined ? `All sessions of ${email} revoked.` : `A session of ${email} revoked.`;
    print({ text, json: { id: id ?? null, email } }, args);
  },
};

export const sessionsCommand = commandGroup({
  name: 'sessions',
  describe: 'List or revoke the sessions of a user',
  commands: (argv) => argv.command(listSessions).command(revokeSessions),
});
