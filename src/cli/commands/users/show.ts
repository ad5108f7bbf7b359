/** `users show` and `users explain`: one person, and why they may do something. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import { printable } from '../../../core/text.ts';
import type {
  Explanation,
  ObstacleKind,
  PermissionObstacle,
  PermissionPath,
} from '../../../features/administration/directory/explain.ts';
import type { NamedMembership } from '../../../features/administration/grants/user-grants.ts';
import type { Session } from '../../../features/sessions/session.entity.ts';
import type { User } from '../../../features/users/user.entity.ts';
import { type GlobalArguments, print, withAppContext } from '../../context.ts';
import type { Output } from '../../io.ts';
import { shortTime } from '../../listing.ts';
import { colorize } from '../../table.ts';

export interface UserArguments extends GlobalArguments {
  readonly user: string;
}

interface ExplainArguments extends UserArguments {
  readonly permission: string;
}

/** The person that a command is about. */
export const userPositional = {
  type: 'string',
  demandOption: true,
  describe: 'Address, username or id',
} as const;

export const showUser: CommandModule<GlobalArguments, UserArguments> = {
  command: 'show <user>',
  describe: 'Show a person: profile, groups, grants, permissions, sessions',
  builder: (argv) => argv.positional('user', userPositional),
  handler: async ({ user, ...given }) => {
    const { terminal } = given;
    const details = await withAppContext(
      terminal,
      (app, context) => detailsOf(user, app, context),
      {
        purpose: 'read',
      },
    );
    print({ text: textOf(details, terminal.stdout), json: recordOf(details) }, given);
  },
};

export const explainUser: CommandModule<GlobalArguments, ExplainArguments> = {
  command: 'explain <user> <permission>',
  describe: 'Say whether a person may do something, and by which ways',
  builder: (argv) =>
    argv.positional('user', userPositional).positional('permission', {
      type: 'string',
      demandOption: true,
      describe: 'Code, such as shop.view_order',
    }),
  handler: async ({ user, permission, ...given }) => {
    const explanation = await withAppContext(
      given.terminal,
      async ({ lookup, explain }, context) =>
        explain.explainPermission(await lookup.userId(user, context), permission, context),
      { purpose: 'read' },
    );
    print({ text: explain(explanation), json: explanation }, given);
  },
};

interface Details {
  readonly user: User;
  readonly memberships: readonly NamedMembership[];
  readonly grants: readonly string[];
  readonly effectivePermissions: readonly string[];
  readonly sessions: readonly Session[];
}

async function detailsOf(name: string, app: AppContext, context: RequestContext): Promise<Details> {
  const id = await app.lookup.userId(name, context);
  const user = await app.directory.user(id, context);
  if (!user) throw new Error('a user who was there is gone');
  const grants = (await app.access.permissionsOfUsers([id])).get(id) ?? [];
  return {
    user,
    memberships: await app.userGrants.membershipsOf(id, context),
    grants: grants.map(({ codename }) => codename),
    effectivePermissions: await app.access.effectivePermissionsOf(id),
    sessions: await app.sessions.list(id),
  };
}

function recordOf({ user, memberships, grants, effectivePermissions, sessions }: Details) {
  return {
    ...profileOf(user),
    groups: memberships,
    permissions: grants,
    effectivePermissions,
    sessions: sessions.map(({ id, createdAt, lastUsedAt, expiresAt, ipAddress, userAgent }) => ({
      id,
      createdAt,
      lastUsedAt,
      expiresAt,
      ipAddress,
      userAgent,
    })),
  };
}

function profileOf({
  id,
  email,
  username,
  firstName,
  lastName,
  status,
  isStaff,
  isSuperuser,
  pendingEmail,
  emailVerifiedAt,
  locale,
  createdAt,
  updatedAt,
  lastLoginAt,
}: User) {
  return {
    id,
    email,
    username,
    firstName,
    lastName,
    status,
    isStaff,
    isSuperuser,
    pendingEmail,
    emailVerifiedAt,
    locale,
    createdAt,
    updatedAt,
    lastLoginAt,
  };
}

function textOf(details: Details, stdout: Output): string {
  const { user, memberships, grants, effectivePermissions, sessions } = details;
  const flags = [user.isStaff ? 'staff' : '', user.isSuperuser ? 'superuser' : ''];
  return [
    colorize('bold', user.email, stdout),
    row('id', user.id),
    row('username', user.username ?? ''),
    row('name', `${user.firstName} ${user.lastName}`.trim()),
    row('status', [user.status, ...flags].filter((text) => text !== '').join(', ')),
    row('address', user.emailVerifiedAt ? 'verified' : 'not verified'),
    row('new address', user.pendingEmail ?? ''),
    row('made', shortTime(user.createdAt)),
    row('last login', user.lastLoginAt ? shortTime(user.lastLoginAt) : 'never'),
    block('groups', memberships.map(membershipLine)),
    block('granted directly', grants),
    block('may do in all', effectivePermissions),
    block('sessions', sessions.map(sessionLine)),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function row(name: string, value: string): string {
  return value === '' ? '' : `  ${name.padEnd(12)}${printable(value)}`;
}

function block(title: string, lines: readonly string[]): string {
  const body = lines.length > 0 ? lines : ['none'];
  return [`  ${title}:`, ...body.map((line) => `    ${printable(line)}`)].join('\n');
}

function membershipLine({ group, expiresAt }: NamedMembership): string {
  if (expiresAt === null) return group;
  const verb = expiresAt.getTime() > Date.now() ? 'until' : 'ended';
  return `${group} (${verb} ${shortTime(expiresAt)})`;
}

function sessionLine({ lastUsedAt, ipAddress, userAgent }: Session): string {
  return `${shortTime(lastUsedAt)}  ${ipAddress}  ${userAgent}`;
}

function explain({ isAllowed, paths, obstacles }: Explanation): string {
  const isUsable = !obstacles.some(({ kind }) => kind === 'NOT_ACTIVE' || kind === 'NOT_STAFF');
  const verdict = isUsable ? 'Allowed:' : 'Held, but not usable:';
  return [
    isAllowed ? verdict : 'Not allowed:',
    ...paths.map(pathLine).map(printable),
    ...obstacles.map(obstacleLine).map(printable),
  ].join('\n');
}

function pathLine({ kind, grant, group }: PermissionPath): string {
  if (kind === 'SUPERUSER') return '  is a superuser';
  return kind === 'DIRECT' ? `  granted ${grant} directly` : `  granted ${grant} by group ${group}`;
}

function obstacleLine({ kind, group, grant, endedAt }: PermissionObstacle): string {
  if (kind !== 'MEMBERSHIP_ENDED') return `  ${obstacleTexts[kind]}`;
  const end = endedAt ? ` at ${shortTime(endedAt)}` : '';
  return `  the membership in ${group}, which gives ${grant}, ended${end}`;
}

const obstacleTexts = {
  NOT_ACTIVE: 'the account is not active',
  NOT_STAFF: 'is not staff, which administration needs as well (users update --staff)',
  NO_GRANT: 'no grant covers it, neither directly nor by a group',
  NO_SUCH_PERMISSION: 'there is no permission with that code',
} as const satisfies Record<Exclude<ObstacleKind, 'MEMBERSHIP_ENDED'>, string>;
