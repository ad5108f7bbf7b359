/** `users disable|enable|invite|send-password-reset|revoke-sessions|set-password|grant|revoke`: what an operator does with one person. */
import type { Argv, CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import { parseRfc3339 } from '../../../core/time.ts';
import type { GrantTarget } from '../../../features/administration/grants/user-grants.ts';
import type { UserInput } from '../../../features/administration/input.ts';
import { type GlobalArguments, print, withAppContext } from '../../context.ts';
import { shortTime } from '../../listing.ts';
import {
  askNewPassword,
  type Check,
  type ConfirmedArguments,
  confirm,
  readSecretFromStdin,
  requireConfirmable,
  yesOption,
} from '../../prompts.ts';
import { UsageError } from '../../usage.ts';
import { type UserArguments, userPositional } from './show.ts';

interface PasswordArguments extends UserArguments {
  readonly 'password-stdin': boolean;
}

interface GiftArguments extends UserArguments {
  readonly permission: string | undefined;
  readonly group: string | undefined;
}

interface GrantArguments extends GiftArguments {
  readonly until: string | undefined;
}

export const disableUser: CommandModule<GlobalArguments, UserArguments & ConfirmedArguments> = {
  command: 'disable <user>',
  describe: 'Disable an account and end its sessions',
  builder: (argv) => argv.positional('user', userPositional).option('yes', yesOption),
  handler: async (given) => {
    requireConfirmable(given);
    await changeUser({ ...given, done: 'is disabled' }, async (app, id, context) => {
      await confirm(`Disable ${given.user} and end all sessions?`, given);
      await app.userAdministration.deactivateUser(id, context);
    });
  },
};

export const enableUser = change('enable', 'Make an account active; its sessions stay ended', {
  done: 'is active',
  work: async ({ userAdministration }, id, context) => {
    await userAdministration.updateUser(id, { isActive: true }, context);
  },
});

export const inviteUser = change(
  'invite',
  'Mail the invitation or verification code of an unconfirmed account again',
  {
    done: 'gets a new mail; earlier ones stop working',
    work: ({ accountRecovery }, id, context) => accountRecovery.resendInvitation(id, context),
  },
);

export const sendPasswordReset = change(
  'send-password-reset',
  'Mail a link to choose a new password',
  {
    done: 'gets a link to choose a new password',
    work: ({ accountRecovery }, id, context) => accountRecovery.sendPasswordReset(id, context),
  },
);

export const revokeSessions = change('revoke-sessions', 'End all sessions', {
  done: 'is logged out everywhere',
  work: ({ accountRecovery }, id, context) => accountRecovery.revokeUserSessions(id, context),
});

export const setPassword: CommandModule<GlobalArguments, PasswordArguments> = {
  command: 'set-password <user>',
  describe: 'Set a new password and end all sessions',
  builder: (argv) =>
    argv.positional('user', userPositional).option('password-stdin', {
      type: 'boolean',
      default: false,
      describe: 'Read the password from standard input; asked for when left out',
    }),
  handler: async ({ passwordStdin, ...given }) => {
    const { terminal } = given;
    await changeUser({ ...given, done: 'has a new password' }, async (app, id, context) => {
      const password = passwordStdin
        ? await readSecretFromStdin(terminal)
        : await askNewPassword(terminal, await passwordCheckOf(id, app, context));
      await app.userAdministration.updateUser(id, { password }, context);
    });
  },
};

export const grantToUser: CommandModule<GlobalArguments, GrantArguments> = {
  command: 'grant <user>',
  describe: 'Give a permission, or make a member of a group',
  builder: (argv) =>
    giftOptions(argv).option('until', {
      type: 'string',
      requiresArg: true,
      describe: 'When the membership ends, such as 2030-01-31T18:00:00Z',
    }),
  handler: async (given) => {
    requireGift(given);
    const expiresAt = parseUntil(given);
    await changeUser(
      { ...given, done: grantSentence(given, expiresAt) },
      async (app, id, context) => {
        const grantTarget = await grantTargetOf(given, app, context);
        await app.userGrants.grantToUser(id, { ...grantTarget, expiresAt }, context);
      },
    );
  },
};

export const revokeFromUser: CommandModule<GlobalArguments, GiftArguments> = {
  command: 'revoke <user>',
  describe: 'Take a permission that was given directly, or end the membership in a group',
  builder: giftOptions,
  handler: async (given) => {
    requireGift(given);
    await changeUser({ ...given, done: revokeSentence(given) }, async (app, id, context) => {
      await app.userGrants.revokeFromUser(id, await grantTargetOf(given, app, context), context);
    });
  },
};

/** Checks a password as the service does, by the policy and against the person's own names. */
async function passwordCheckOf(
  id: string,
  app: AppContext,
  context: RequestContext,
): Promise<Check> {
  const user = await app.directory.user(id, context);
  const about = [user?.email, user?.username, user?.firstName, user?.lastName];
  const words = about.filter((word) => typeof word === 'string');
  return (raw) => app.provisioningChecks.password(raw, words);
}

type Work = (app: AppContext, id: string, context: RequestContext) => Promise<void>;

function change(
  name: string,
  describe: string,
  { done, work }: { readonly done: string; readonly work: Work },
): CommandModule<GlobalArguments, UserArguments> {
  return {
    command: `${name} <user>`,
    describe,
    builder: (argv) => argv.positional('user', userPositional),
    handler: (given) => changeUser({ ...given, done }, work),
  };
}

/** Does something with a person, and says so with the address, so that a slip is noticed. */
async function changeUser(
  { user: name, done, ...given }: UserArguments & { readonly done: string },
  work: Work,
): Promise<void> {
  const user = await withAppContext(given.terminal, async (app, context) => {
    const id = await app.lookup.userId(name, context);
    await work(app, id, context);
    return app.directory.user(id, context);
  });
  const { id = null, email = '', status = null } = user ?? {};
  print({ text: `${email} ${done}.`, json: { id, email, status } }, given);
}

function giftOptions(argv: Argv<GlobalArguments>): Argv<GiftArguments> {
  return argv
    .positional('user', userPositional)
    .option('permission', { type: 'string', requiresArg: true, describe: 'Code of a permission' })
    .option('group', { type: 'string', requiresArg: true, describe: 'Name of a group' });
}

function requireGift({ permission, group }: GiftArguments): void {
  if (permission === undefined && group === undefined) {
    throw new UsageError('Say --permission, --group, or both.');
  }
}

function grantSentence({ permission, group }: GiftArguments, expiresAt: Date | undefined): string {
  const end = expiresAt ? ` until ${shortTime(expiresAt)}` : '';
  const parts = [
    ...(group === undefined ? [] : [`is in ${group}${end}`]),
    ...(permission === undefined ? [] : [`holds ${permission}`]),
  ];
  return parts.join(' and ');
}

function revokeSentence({ permission, group }: GiftArguments): string {
  const parts = [
    ...(group === undefined ? [] : [`is not in ${group} any more`]),
    ...(permission === undefined ? [] : [`holds ${permission} directly no more`]),
  ];
  return parts.join(' and ');
}

async function grantTargetOf(
  { permission, group }: GiftArguments,
  { lookup }: AppContext,
  context: RequestContext,
): Promise<GrantTarget> {
  return {
    permissionId:
      permission === undefined ? undefined : await lookup.permissionId(permission, context),
    groupId: group === undefined ? undefined : await lookup.groupId(group, context),
  };
}

function parseUntil({ until, group }: GrantArguments): Date | undefined {
  if (until === undefined) return undefined;
  if (group === undefined) throw new UsageError('--until needs --group: only memberships end.');
  const time = parseRfc3339(until);
  if (time && time.getTime() > Date.now()) return time;
  throw new UsageError('--until takes a time to come, such as 2030-01-31T18:00:00Z.');
}

interface UpdateArguments extends UserArguments {
  readonly email: string | undefined;
  readonly username: string | undefined;
  readonly 'first-name': string | undefined;
  readonly 'last-name': string | undefined;
  readonly staff: boolean | undefined;
}

export const updateUser: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <user>',
  describe: 'Change the profile of a person; what is left out stays',
  builder: (argv) => {
    const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
    return argv
      .positional('user', userPositional)
      .option('email', text('New address, which the person confirms; sessions end'))
      .option('username', text('New unique name to log in with'))
      .option('first-name', text('New given name'))
      .option('last-name', text('New family name'))
      .option('staff', { type: 'boolean', describe: 'May administer; --no-staff takes that away' });
  },
  handler: async ({ email, username, firstName, lastName, staff, ...given }) => {
    const input: UserInput = { email, username, firstName, lastName, isStaff: staff };
    if (Object.values(input).every((value) => value === undefined)) {
      throw new UsageError(
        'Say what to change: --email, --username, --first-name, --last-name or --staff.',
      );
    }
    await changeUser({ ...given, done: 'is changed' }, async (app, id, context) => {
      await app.userAdministration.updateUser(id, input, context);
    });
  },
};
