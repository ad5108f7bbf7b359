/** `users update|disable|enable|invite|send-password-reset|revoke-sessions|set-password`. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { UserInput } from '../../../features/administration/input.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import {
  type ExternalFieldArguments,
  externalFieldOptions,
  parseMetadataOption,
} from '../../external-fields.ts';
import {
  askNewPassword,
  type ConfirmedArguments,
  confirm,
  readSecretFromStdin,
  requireConfirmable,
  type Validate,
  yesOption,
} from '../../prompts.ts';
import { makeCommand, runUserCommand, type UserArguments, userPositional } from './user-command.ts';

interface UpdateArguments extends UserArguments, ExternalFieldArguments {
  readonly email: string | undefined;
  readonly username: string | undefined;
  readonly 'first-name': string | undefined;
  readonly 'last-name': string | undefined;
  readonly staff: boolean | undefined;
}

export const updateUser: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <user>',
  describe: 'Change the profile of a user; omitted fields keep their values',
  builder: (argv) => {
    const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
    const options = argv
      .positional('user', userPositional)
      .option('email', text('New email address, which the user confirms; revokes the sessions'))
      .option('username', text('New unique login name'))
      .option('first-name', text('New given name'))
      .option('last-name', text('New family name'))
      .option('staff', { type: 'boolean', describe: 'Staff status; --no-staff removes it' });
    return externalFieldOptions(options, {
      externalId: 'New unique id in another system; an empty text removes it',
      metadata: "New fields of other systems, as a JSON object; '{}' removes all",
    });
  },
  handler: async ({ staff, metadata, ...args }) => {
    const { email, username, firstName, lastName, externalId } = args;
    const input: UserInput = {
      ...{ email, username, firstName, lastName, externalId },
      metadata: parseMetadataOption(metadata),
      isStaff: staff,
    };
    if (Object.values(input).every((value) => value === undefined)) {
      throw new UsageError(
        'Nothing to change: give --email, --username, --first-name, --last-name, --external-id, --metadata or --staff.',
      );
    }
    await runUserCommand({ ...args, outcome: 'is changed' }, async (app, id, context) => {
      await app.admin.users.updateUser(id, input, context);
    });
  },
};

export const disableUser: CommandModule<GlobalArguments, UserArguments & ConfirmedArguments> = {
  command: 'disable <user>',
  describe: 'Disable an account and revoke its sessions',
  builder: (argv) => argv.positional('user', userPositional).option('yes', yesOption),
  handler: async (args) => {
    requireConfirmable(args);
    await runUserCommand({ ...args, outcome: 'is disabled' }, async (app, id, context) => {
      await confirm(`Disable ${args.user} and revoke all sessions?`, args);
      await app.admin.users.deactivateUser(id, context);
    });
  },
};

export const enableUser = makeCommand(
  'enable',
  'Make an account active; its sessions stay revoked',
  {
    outcome: 'is active',
    change: async ({ admin }, id, context) => {
      await admin.users.updateUser(id, { isActive: true }, context);
    },
  },
);

export const inviteUser = makeCommand(
  'invite',
  'Mail the invitation or verification code of an unconfirmed account again',
  {
    outcome: 'gets a new mail; earlier mails no longer work',
    change: ({ admin }, id, context) => admin.accountRecovery.resendInvitation(id, context),
  },
);

export const sendPasswordReset = makeCommand('send-password-reset', 'Mail a password reset link', {
  outcome: 'gets a password reset link',
  change: ({ admin }, id, context) => admin.accountRecovery.sendPasswordReset(id, context),
});

export const revokeSessions = makeCommand('revoke-sessions', 'Revoke all sessions', {
  outcome: 'is logged out everywhere',
  change: ({ admin }, id, context) => admin.accountRecovery.revokeUserSessions(id, context),
});

interface PasswordArguments extends UserArguments {
  readonly 'password-stdin': boolean;
}

export const setPassword: CommandModule<GlobalArguments, PasswordArguments> = {
  command: 'set-password <user>',
  describe: 'Set a new password and revoke all sessions',
  builder: (argv) =>
    argv.positional('user', userPositional).option('password-stdin', {
      type: 'boolean',
      default: false,
      describe: 'Read the password from standard input instead of asking for it',
    }),
  handler: async ({ passwordStdin, ...args }) => {
    const { terminal } = args;
    await runUserCommand({ ...args, outcome: 'has a new password' }, async (app, id, context) => {
      const password = passwordStdin
        ? await readSecretFromStdin(terminal)
        : await askNewPassword(terminal, await passwordValidator(id, app, context));
      await app.admin.users.updateUser(id, { password }, context);
    });
  },
};

/** Validates a password as the service does: by the policy, and against the names of the user. */
async function passwordValidator(
  id: string,
  app: AppContext,
  context: RequestContext,
): Promise<Validate> {
  const user = await app.admin.directory.user(id, context);
  const names = [user?.email, user?.username, user?.firstName, user?.lastName];
  const words = names.filter((name) => typeof name === 'string');
  return (raw) => app.users.provisioningChecks.password(raw, words);
}
