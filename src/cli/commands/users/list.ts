/** `users list`: prints users page by page, so that the memory does not grow with their number. */
import type { ArgumentsCamelCase, CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { Connection } from '../../../database/pagination/connection.ts';
import type { UserFilter } from '../../../features/administration/directory/directory.ts';
import type { User, UserStatus } from '../../../features/users/user.entity.ts';
import {
  type GlobalArguments,
  type ListArguments,
  limitOption,
  listOptions,
  parseFormat,
  parseLimit,
} from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { createProgress, isProgressVisible, printError, type Terminal } from '../../io.ts';
import { type Color, type Column, printList } from '../../output.ts';
import { warnOfRegistrations } from '../registrations.ts';

interface ListUsersArguments extends ListArguments {
  readonly search: string | undefined;
  readonly status: UserStatus | undefined;
  readonly staff: boolean | undefined;
  readonly superuser: boolean | undefined;
  readonly group: string | undefined;
  readonly 'external-id': string | undefined;
  readonly limit: string | undefined;
}

const pageSize = 100;
/** Rows of a table without `--limit`. */
const tableLimit = 100;

const statusColors: Readonly<Record<UserStatus, Color>> = {
  ACTIVE: 'green',
  PENDING: 'yellow',
  DISABLED: 'red',
};

const columns: readonly Column<User>[] = [
  { name: 'id', value: ({ id }) => id },
  { name: 'email', title: 'EMAIL', value: ({ email }) => email },
  { name: 'username', title: 'USERNAME', value: ({ username }) => username },
  { name: 'firstName', title: 'FIRST NAME', value: ({ firstName }) => firstName },
  { name: 'lastName', title: 'LAST NAME', value: ({ lastName }) => lastName },
  {
    name: 'status',
    title: 'STATUS',
    value: ({ status }) => status,
    color: ({ status }) => statusColors[status],
  },
  { name: 'isStaff', title: 'STAFF', value: ({ isStaff }) => isStaff },
  { name: 'isSuperuser', title: 'SUPERUSER', value: ({ isSuperuser }) => isSuperuser },
  { name: 'externalId', value: ({ externalId }) => externalId },
  { name: 'metadata', value: ({ metadata }) => metadata },
  { name: 'createdAt', title: 'CREATED', value: ({ createdAt }) => createdAt },
  { name: 'lastLoginAt', title: 'LAST LOGIN', value: ({ lastLoginAt }) => lastLoginAt },
];

export const listUsers: CommandModule<GlobalArguments, ListUsersArguments> = {
  command: 'list',
  describe: 'List users, newest first',
  builder: (argv) =>
    listOptions(argv)
      .option('search', {
        type: 'string',
        requiresArg: true,
        describe: 'Part of an email address, a username or a name',
      })
      .option('status', {
        choices: ['PENDING', 'ACTIVE', 'DISABLED'] as const,
        requiresArg: true,
        describe: 'Status of the account',
      })
      .option('staff', { type: 'boolean', describe: 'Only staff; --no-staff lists the others' })
      .option('superuser', {
        type: 'boolean',
        describe: 'Only superusers; --no-superuser lists the others',
      })
      .option('group', {
        type: 'string',
        requiresArg: true,
        describe: 'Only members of this group',
      })
      .option('external-id', {
        type: 'string',
        requiresArg: true,
        describe: 'Only the user with this id in another system',
      })
      .option('limit', {
        ...limitOption,
        describe: `Maximum number of users; without it a table has ${tableLimit}, CSV and JSON have all`,
      }),
  handler: async (args) => {
    const format = parseFormat(args);
    const usualLimit = format === 'table' ? tableLimit : undefined;
    const limit = args.limit === undefined ? usualLimit : parseLimit(args.limit);
    const { terminal } = args;
    await withAppContext(
      terminal,
      async (app, context) => {
        const filter = await findFilter(args, app, context);
        const query = {
          filter,
          limit,
          isLimitGiven: args.limit !== undefined,
          // CSV and JSON at a terminal need no progress bar: their rows appear page by page.
          hasProgress:
            isProgressVisible(terminal.stderr) && (format === 'table' || !terminal.stdout.isTTY),
          terminal,
        };
        await printList(userPages(query, app, context), columns, {
          format,
          stdout: terminal.stdout,
        });
        if (format === 'table') await warnOfRegistrations(app, context, terminal);
      },
      { purpose: 'read' },
    );
  },
};

async function findFilter(
  { search, status, staff, superuser, group, externalId }: ArgumentsCamelCase<ListUsersArguments>,
  { admin }: AppContext,
  context: RequestContext,
): Promise<UserFilter> {
  return {
    search,
    status,
    isStaff: staff,
    isSuperuser: superuser,
    groupId: group === undefined ? undefined : await admin.lookup.groupId(group, context),
    externalId,
  };
}

interface UserListQuery {
  readonly filter: UserFilter;
  readonly limit: number | undefined;
  readonly isLimitGiven: boolean;
  readonly hasProgress: boolean;
  readonly terminal: Terminal;
}

async function* userPages(
  { filter, limit = Number.POSITIVE_INFINITY, isLimitGiven, hasProgress, terminal }: UserListQuery,
  { admin, unitOfWork }: AppContext,
  context: RequestContext,
): AsyncGenerator<readonly User[]> {
  using progress = createProgress('Users', terminal.stderr);
  let after: string | null = null;
  let done = 0;
  let total: number | undefined;
  while (done < limit) {
    const page = { first: Math.min(pageSize, limit - done), after };
    // An entity manager for each page, so that the entities of earlier pages can be collected.
    const found: Connection<User> = await unitOfWork.withEntityManager(() =>
      admin.directory.users({ page, filter, orderBy: {} }, context),
    );
    done += found.nodes.length;
    yield found.nodes;
    after = found.pageInfo.endCursor;
    if (!found.pageInfo.hasNextPage) return;
    if (hasProgress) {
      total ??= await found.count();
      progress.show(done, Math.min(total, limit));
    }
  }
  if (!isLimitGiven) {
    printError(
      terminal,
      `There are more than ${limit} users: raise --limit, or use --format csv for all.`,
    );
  }
}
