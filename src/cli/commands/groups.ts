/** `groups list|show|create|update|delete`: groups by name, with their permissions by code. */
import type { Argv, CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { printable } from '../../core/text.ts';
import type { Group } from '../../features/access/access.entities.ts';
import type { GroupInput } from '../../features/administration/groups.ts';
import { commandGroup, type GlobalArguments, wordsOf } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, colorize, paginate, print, rowToJson } from '../output.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';
import { listCommand } from './list.ts';

interface GroupArguments extends GlobalArguments {
  readonly group: string;
}

interface InputArguments extends GroupArguments {
  readonly description: string | undefined;
  readonly permissions: string | undefined;
}

interface UpdateArguments extends InputArguments {
  readonly name: string | undefined;
}

interface GroupWithPermissions {
  readonly group: Group;
  readonly permissions: readonly string[];
}

const columns: readonly Column<GroupWithPermissions>[] = [
  { name: 'id', value: ({ group }) => group.id },
  { name: 'name', title: 'NAME', value: ({ group }) => group.name },
  { name: 'description', title: 'DESCRIPTION', value: ({ group }) => group.description },
  { name: 'permissions', title: 'PERMISSIONS', value: ({ permissions }) => permissions },
];

const groupPositional = { type: 'string', demandOption: true, describe: 'Name' } as const;

const listGroups = listCommand({
  describe: 'List the groups',
  columns,
  pages: ({ admin, users }, context) =>
    paginate(
      (page) => admin.directory.groups(page, context),
      (groups) => withPermissions(groups, users.access),
    ),
});

const showGroup: CommandModule<GlobalArguments, GroupArguments> = {
  command: 'show <group>',
  describe: 'Show a group, its permissions and its number of members',
  builder: (argv) => argv.positional('group', groupPositional),
  handler: async ({ group: name, ...args }) => {
    const { members, ...found } = await withAppContext(
      args.terminal,
      async (app, context) => {
        const id = await app.admin.lookup.groupId(name, context);
        const list = { page: { first: 0 }, filter: { groupId: id }, orderBy: {} };
        const members = await (await app.admin.directory.users(list, context)).count();
        return { ...(await loadGroup(id, app, context)), members };
      },
      { purpose: 'read' },
    );
    const { group, permissions } = found;
    const text = [
      colorize('bold', group.name, args.terminal.stdout),
      ...(group.description === '' ? [] : [`  ${printable(group.description)}`]),
      `  members: ${members}`,
      `  permissions: ${permissions.length > 0 ? '' : 'none'}`.trimEnd(),
      ...permissions.map((codename) => `    ${printable(codename)}`),
    ].join('\n');
    print({ text, json: { ...rowToJson(found, columns), members } }, args);
  },
};

const createGroup: CommandModule<GlobalArguments, InputArguments> = {
  command: 'create <group>',
  describe: 'Create a group',
  builder: inputOptions,
  handler: (args) =>
    changeGroup(args, `Group ${args.group} created.`, async (app, context) => {
      const input = { name: args.group, ...(await findInput(args, app, context)) };
      return app.admin.groups.createGroup(input, context);
    }),
};

const updateGroup: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <group>',
  describe: 'Change a group; omitted fields keep their values',
  builder: (argv) =>
    inputOptions(argv).option('name', {
      type: 'string',
      requiresArg: true,
      describe: 'New name',
    }),
  handler: async (args) => {
    const { group, name, description, permissions } = args;
    if (name === undefined && description === undefined && permissions === undefined) {
      throw new UsageError('Nothing to change: give --name, --description or --permissions.');
    }
    await changeGroup(args, `Group ${group} changed.`, async (app, context) => {
      const input = { name, ...(await findInput(args, app, context)) };
      const id = await app.admin.lookup.groupId(group, context);
      return app.admin.groups.updateGroup(id, input, context);
    });
  },
};

const deleteGroup: CommandModule<GlobalArguments, GroupArguments & ConfirmedArguments> = {
  command: 'delete <group>',
  describe: 'Delete a group; its members lose its permissions',
  builder: (argv) => argv.positional('group', groupPositional).option('yes', yesOption),
  handler: async ({ group, ...args }) => {
    requireConfirmable(args);
    await withAppContext(args.terminal, async ({ admin }, context) => {
      const id = await admin.lookup.groupId(group, context);
      await confirm(`Delete the group ${group}?`, args);
      await admin.groups.deleteGroup(id, context);
    });
    print({ text: `Group ${group} deleted.`, json: { name: group } }, args);
  },
};

export const groupsCommand = commandGroup({
  name: 'groups',
  describe: 'List, show, create, change or delete groups',
  commands: (argv) =>
    argv
      .command(listGroups)
      .command(showGroup)
      .command(createGroup)
      .command(updateGroup)
      .command(deleteGroup),
});

function inputOptions(argv: Argv<GlobalArguments>): Argv<InputArguments> {
  return argv
    .positional('group', groupPositional)
    .option('description', { type: 'string', describe: 'Purpose of the group; can be empty' })
    .option('permissions', {
      type: 'string',
      describe: 'Codes of all its permissions, comma-separated',
    });
}

async function changeGroup(
  args: GlobalArguments,
  text: string,
  change: (app: AppContext, context: RequestContext) => Promise<Group>,
): Promise<void> {
  const found = await withAppContext(args.terminal, async (app, context) => {
    const { id } = await change(app, context);
    return loadGroup(id, app, context);
  });
  print({ text, json: rowToJson(found, columns) }, args);
}

async function findInput(
  { description, permissions }: InputArguments,
  { admin }: AppContext,
  context: RequestContext,
): Promise<GroupInput> {
  return {
    description,
    permissionIds:
      permissions === undefined
        ? undefined
        : await admin.lookup.permissionIds(wordsOf(permissions), context),
  };
}

async function loadGroup(
  id: string,
  { admin, users }: AppContext,
  context: RequestContext,
): Promise<GroupWithPermissions> {
  const group = await admin.directory.group(id, context);
  const [found] = await withPermissions(group ? [group] : [], users.access);
  if (!found) throw new Error('the group was deleted during the command');
  return found;
}

async function withPermissions(
  groups: readonly Group[],
  access: AppContext['users']['access'],
): Promise<GroupWithPermissions[]> {
  const byGroup = await access.permissionsOfGroups(groups.map(({ id }) => id));
  return groups.map((group) => ({
    group,
    permissions: (byGroup.get(group.id) ?? []).map(({ codename }) => codename),
  }));
}
