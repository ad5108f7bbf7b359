/** `users list`: people, page by page, however many there are. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { Connection } from '../../../database/pagination/connection.ts';
import type { UserFilter } from '../../../features/administration/directory/directory.ts';
import type { User, UserStatus } from '../../../features/users/user.entity.ts';
import { type GlobalArguments, withAppContext } from '../../context.ts';
import { printError, type Terminal } from '../../io.ts';
import {
  type Column,
  formatOf,
  type ListArguments,
  limitOption,
  listOptions,
  parseLimit,
  printList,
} from '../../listing.ts';
import { createProgress, isProgressVisible } from '../../progress.ts';
import type { Colour } from '../../table.ts';
import { warnOfPending } from '../registrations.ts';

interface ListUsersArguments extends ListArguments {
  readonly search: string | undefined;
  readonly status: UserStatus | undefined;
  readonly staff: boolean | undefined;
  readonly superuser: boolean | undefined;
  readonly group: string | undefined;
  readonly limit: string | undefined;
}

const pageSize = 100;
/** What a person still reads. */
const tableLimit = 100;

const statusColours: Readonly<Record<UserStatus, Colour>> = {
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
    colour: ({ status }) => statusColours[status],
  },
  { name: 'isStaff', title: 'STAFF', value: ({ isStaff }) => isStaff },
  { name: 'isSuperuser', title: 'SUPERUSER', value: ({ isSuperuser }) => isSuperuser },
  { name: 'createdAt', title: 'MADE', value: ({ createdAt }) => createdAt },
  { name: 'lastLoginAt', title: 'LAST LOGIN', value: ({ lastLoginAt }) => lastLoginAt },
];

export const listUsers: CommandModule<GlobalArguments, ListUsersArguments> = {
  command: 'list',
  describe: 'List people, the newest first',
  builder: (argv) =>
    listOptions(argv)
      .option('search', {
        type: 'string',
        requiresArg: true,
        describe: 'Part of an address, a username or a name',
      })
      .option('status', {
        choices: ['PENDING', 'ACTIVE', 'DISABLED'] as const,
        requiresArg: true,
        describe: 'State of the account',
      })
      .option('staff', { type: 'boolean', describe: 'Staff only; --no-staff for the others' })
      .option('superuser', {
        type: 'boolean',
        describe: 'Superusers only; --no-superuser for the others',
      })
      .option('group', { type: 'string', requiresArg: true, describe: 'Members of this group' })
      .option('limit', {
        ...limitOption,
        describe: `At most so many; when left out a table shows ${tableLimit}, CSV and JSON have all`,
      }),
  handler: async (given) => {
    const format = formatOf(given);
    const usualLimit = format === 'table' ? tableLimit : undefined;
    const limit = given.limit === undefined ? usualLimit : parseLimit(given.limit);
    const { terminal } = given;
    await withAppContext(
      terminal,
      async (app, context) => {
        const filter = await filterOf(given, app, context);
        const walk = {
          filter,
          limit,
          isLimitGiven: given.limit !== undefined,
          // Rows on the screen show by themselves how far it is.
          hasProgress:
            isProgressVisible(terminal.stderr) && (format === 'table' || !terminal.stdout.isTTY),
          terminal,
        };
        await printList(pagesOf(walk, app, context), columns, {
          format,
          stdout: terminal.stdout,
        });
        if (format === 'table') await warnOfPending(app, context, terminal);
      },
      { purpose: 'read' },
    );
  },
};

async function filterOf(
  { search, status, staff, superuser, group }: ListUsersArguments,
  { lookup }: AppContext,
  context: RequestContext,
): Promise<UserFilter> {
  return {
    search,
    status,
    isStaff: staff,
    isSuperuser: superuser,
    groupId: group === undefined ? undefined : await lookup.groupId(group, context),
  };
}

interface Walk {
  readonly filter: UserFilter;
  readonly limit: number | undefined;
  readonly isLimitGiven: boolean;
  readonly hasProgress: boolean;
  readonly terminal: Terminal;
}

async function* pagesOf(
  { filter, limit = Number.POSITIVE_INFINITY, isLimitGiven, hasProgress, terminal }: Walk,
  { directory, unitOfWork }: AppContext,
  context: RequestContext,
): AsyncGenerator<readonly User[]> {
  using progress = createProgress('Users', terminal.stderr);
  let after: string | null = null;
  let done = 0;
  let all: number | undefined;
  while (done < limit) {
    const page = { first: Math.min(pageSize, limit - done), after };
    // A context for each page, which is forgotten with it.
    const found: Connection<User> = await unitOfWork.withEntityManager(() =>
      directory.users({ page, filter, orderBy: {} }, context),
    );
    done += found.nodes.length;
    yield found.nodes;
    after = found.pageInfo.endCursor;
    if (!found.pageInfo.hasNextPage) return;
    if (hasProgress) {
      all ??= await found.count();
      progress.show(done, Math.min(all, limit));
    }
  }
  if (!isLimitGiven) {
    printError(terminal, `There are more than ${limit}: --limit shows them, --format csv has all.`);
  }
}
