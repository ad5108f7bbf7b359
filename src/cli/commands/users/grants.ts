/** `users grant|revoke`: a permission that a user holds directly, or a membership in a group. */
import type { Argv, CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import { parseRfc3339 } from '../../../core/time.ts';
import type { GrantTarget } from '../../../features/administration/grants/user-grants.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { formatTime } from '../../output.ts';
import { runUserCommand, type UserArguments, userPositional } from './user-command.ts';

interface GrantTargetArguments extends UserArguments {
  readonly permission: string | undefined;
  readonly group: string | undefined;
}

interface GrantArguments extends GrantTargetArguments {
  readonly until: string | undefined;
}

export const grantToUser: CommandModule<GlobalArguments, GrantArguments> = {
  command: 'grant <user>',
  describe: 'Grant a permission, or add the user to a group',
  builder: (argv) =>
    grantTargetOptions(argv).option('until', {
      type: 'string',
      requiresArg: true,
      describe: 'End of the membership, such as 2030-01-31T18:00:00Z',
    }),
  handler: async (args) => {
    requireGrantTarget(args);
    const expiresAt = parseUntil(args);
    const outcome = grantOutcome(args, expiresAt);
    await runUserCommand({ ...args, outcome }, async (app, id, context) => {
      const target = await findGrantTarget(args, app, context);
      await app.admin.grants.grantToUser(id, { ...target, expiresAt }, context);
    });
  },
};

export const revokeFromUser: CommandModule<GlobalArguments, GrantTargetArguments> = {
  command: 'revoke <user>',
  describe: 'Revoke a permission that was granted directly, or remove the user from a group',
  builder: grantTargetOptions,
  handler: async (args) => {
    requireGrantTarget(args);
    await runUserCommand({ ...args, outcome: revokeOutcome(args) }, async (app, id, context) => {
      await app.admin.grants.revokeFromUser(id, await findGrantTarget(args, app, context), context);
    });
  },
};

function grantTargetOptions(argv: Argv<GlobalArguments>): Argv<GrantTargetArguments> {
  return argv
    .positional('user', userPositional)
    .option('permission', { type: 'string', requiresArg: true, describe: 'Code of a permission' })
    .option('group', { type: 'string', requiresArg: true, describe: 'Name of a group' });
}

function requireGrantTarget({ permission, group }: GrantTargetArguments): void {
  if (permission === undefined && group === undefined) {
    throw new UsageError('Give --permission, --group, or both.');
  }
}

/** @throws UsageError without a group */
function parseUntil({ until, group }: GrantArguments): Date | undefined {
  if (until === undefined) return undefined;
  if (group === undefined) throw new UsageError('--until needs --group: only memberships end.');
  const time = parseRfc3339(until);
  if (time) return time;
  throw new UsageError('--until takes a time, such as 2030-01-31T18:00:00Z.');
}

async function findGrantTarget(
  { permission, group }: GrantTargetArguments,
  { admin }: AppContext,
  context: RequestContext,
): Promise<GrantTarget> {
  return {
    permissionId:
      permission === undefined ? undefined : await admin.lookup.permissionId(permission, context),
    groupId: group === undefined ? undefined : await admin.lookup.groupId(group, context),
  };
}

function grantOutcome(
  { permission, group }: GrantTargetArguments,
  expiresAt: Date | undefined,
): string {
  const end = expiresAt ? ` until ${formatTime(expiresAt)}` : '';
  return [
    ...(group === undefined ? [] : [`is in ${group}${end}`]),
    ...(permission === undefined ? [] : [`holds ${permission}`]),
  ].join(' and ');
}

function revokeOutcome({ permission, group }: GrantTargetArguments): string {
  return [
    ...(group === undefined ? [] : [`is no longer in ${group}`]),
    ...(permission === undefined ? [] : [`no longer holds ${permission} directly`]),
  ].join(' and ');
}
