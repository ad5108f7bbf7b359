/** `users show` and `users explain`: the details of one user, and the reasons for a permission. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import { printable, printableJson } from '../../../core/text.ts';
import type {
  Explanation,
  ObstacleKind,
  PermissionObstacle,
  PermissionPath,
} from '../../../features/administration/directory/explain.ts';
import type { NamedMembership } from '../../../features/administration/grants/user-grants.ts';
import type { Session } from '../../../features/sessions/session.entity.ts';
import type { User } from '../../../features/users/user.entity.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import type { Output } from '../../io.ts';
import { colorize, formatTime, print } from '../../output.ts';
import { type UserArguments, userPositional } from './user-command.ts';

interface ExplainArguments extends UserArguments {
  readonly permission: string;
}

export const showUser: CommandModule<GlobalArguments, UserArguments> = {
  command: 'show <user>',
  describe: 'Show a user: profile, groups, grants, permissions, sessions',
  builder: (argv) => argv.positional('user', userPositional),
  handler: async ({ user, ...args }) => {
    const { terminal } = args;
    const details = await withAppContext(
      terminal,
      (app, context) => loadDetails(user, app, context),
      { purpose: 'read' },
    );
    print({ text: formatDetails(details, terminal.stdout), json: detailsToJson(details) }, args);
  },
};

export const explainUser: CommandModule<GlobalArguments, ExplainArguments> = {
  command: 'explain <user> <permission>',
  describe: 'Show whether a user holds a permission, and the reasons',
  builder: (argv) =>
    argv.positional('user', userPositional).positional('permission', {
      type: 'string',
      demandOption: true,
      describe: 'Code, such as shop.view_order',
    }),
  handler: async ({ user, permission, ...args }) => {
    const explanation = await withAppContext(
      args.terminal,
      async ({ admin }, context) =>
        admin.explain.explainPermission(
          await admin.lookup.userId(user, context),
          permission,
          context,
        ),
      { purpose: 'read' },
    );
    print({ text: formatExplanation(explanation), json: explanation }, args);
  },
};

interface Details {
  readonly user: User;
  readonly memberships: readonly NamedMembership[];
  readonly grants: readonly string[];
  readonly effectivePermissions: readonly string[];
  readonly sessions: readonly Session[];
  readonly now: Date;
}

async function loadDetails(
  name: string,
  app: AppContext,
  context: RequestContext,
): Promise<Details> {
  const id = await app.admin.lookup.userId(name, context);
  const user = await app.admin.directory.user(id, context);
  if (!user) throw new Error('the user was deleted during the command');
  const grants = (await app.users.access.permissionsOfUsers([id])).get(id) ?? [];
  return {
    user,
    memberships: await app.admin.grants.membershipsOf(id, context),
    grants: grants.map(({ codename }) => codename),
    effectivePermissions: await app.users.access.effectivePermissionsOf(id),
    sessions: await app.auth.sessions.list(id),
    now: app.clock(),
  };
}

function detailsToJson({ user, memberships, grants, effectivePermissions, sessions }: Details) {
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
  externalId,
  metadata,
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
    externalId,
    metadata,
    createdAt,
    updatedAt,
    lastLoginAt,
  };
}

function formatDetails(details: Details, stdout: Output): string {
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
    row('external id', user.externalId ?? ''),
    row('metadata', metadataText(user)),
    row('created', formatTime(user.createdAt)),
    row('last login', user.lastLoginAt ? formatTime(user.lastLoginAt) : 'never'),
    block(
      'groups',
      memberships.map((membership) => membershipLine(membership, details.now)),
    ),
    block('granted directly', grants),
    block('permissions in total', effectivePermissions),
    block('sessions', sessions.map(sessionLine)),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function metadataText({ metadata }: User): string {
  return Object.keys(metadata).length === 0 ? '' : printableJson(JSON.stringify(metadata));
}

function row(name: string, value: string): string {
  return value === '' ? '' : `  ${name.padEnd(13)}${printable(value)}`;
}

function block(title: string, lines: readonly string[]): string {
  const body = lines.length > 0 ? lines : ['none'];
  return [`  ${title}:`, ...body.map((line) => `    ${printable(line)}`)].join('\n');
}

function membershipLine({ group, expiresAt }: NamedMembership, now: Date): string {
  if (expiresAt === null) return group;
  const verb = expiresAt > now ? 'until' : 'ended';
  return `${group} (${verb} ${formatTime(expiresAt)})`;
}

function sessionLine({ lastUsedAt, ipAddress, userAgent }: Session): string {
  return `${formatTime(lastUsedAt)}  ${ipAddress}  ${userAgent}`;
}

function formatExplanation({ isAllowed, paths, obstacles }: Explanation): string {
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
  const end = endedAt ? ` at ${formatTime(endedAt)}` : '';
  return `  the membership in ${group}, which gives ${grant}, ended${end}`;
}

const obstacleTexts = {
  NOT_ACTIVE: 'the account is not active',
  NOT_STAFF: 'is not staff, which administration requires too (users update --staff)',
  NO_GRANT: 'no grant covers it, neither directly nor by a group',
  NO_SUCH_PERMISSION: 'there is no permission with this code',
} as const satisfies Record<Exclude<ObstacleKind, 'MEMBERSHIP_ENDED'>, string>;
