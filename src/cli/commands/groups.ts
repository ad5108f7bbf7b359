/** `groups list|show|create|update|delete`. */

import type { Argv, CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { printable } from '../../core/text.ts';
import type { Group } from '../../features/access/access.entities.ts';
import type { GroupInput } from '../../features/administration/groups.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import {
  type Column,
  formatOf,
  type ListArguments,
  listOptions,
  printList,
  recordOf,
} from '../listing.ts';
import { paginate } from '../progress.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';
import { colorize } from '../table.ts';
import { UsageError } from '../usage.ts';

interface GroupArguments extends GlobalArguments {
  readonly group: string;
}

interface WriteArguments extends GroupArguments {
  readonly description: string | undefined;
  readonly permissions: string | undefined;
}

interface UpdateArguments extends WriteArguments {
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

const listGroups: CommandModule<GlobalArguments, ListArguments> = {
  command: 'list',
  describe: 'List the groups',
  builder: listOptions,
  handler: async (given) => {
    const format = formatOf(given);
    await withAppContext(
      given.terminal,
      ({ directory, access }, context) => {
        const pages = paginate(
          (page) => directory.groups(page, context),
          (groups) => withPermissions(groups, access),
        );
        return printList(pages, columns, { format, stdout: given.terminal.stdout });
      },
      { purpose: 'read' },
    );
  },
};

const showGroup: CommandModule<GlobalArguments, GroupArguments> = {
  command: 'show <group>',
  describe: 'Show a group, its permissions and how many members it has',
  builder: (argv) => argv.positional('group', groupPositional),
  handler: async ({ group: name, ...given }) => {
    const { members, ...found } = await withAppContext(
      given.terminal,
      async (app, context) => {
        const id = await app.lookup.groupId(name, context);
        const list = { page: { first: 0 }, filter: { groupId: id }, orderBy: {} };
        const members = await (await app.directory.users(list, context)).count();
        return { ...(await loadGroup(id, app, context)), members };
      },
      { purpose: 'read' },
    );
    const { group, permissions } = found;
    const text = [
      colorize('bold', group.name, given.terminal.stdout),
      ...(group.description === '' ? [] : [`  ${printable(group.description)}`]),
      `  members: ${members}`,
      `  permissions: ${permissions.length > 0 ? '' : 'none'}`.trimEnd(),
      ...permissions.map((codename) => `    ${printable(codename)}`),
    ].join('\n');
    print({ text, json: { ...recordOf(found, columns), members } }, given);
  },
};

const createGroup: CommandModule<GlobalArguments, WriteArguments> = {
  command: 'create <group>',
  describe: 'Make a group',
  builder: writeOptions,
  handler: (given) =>
    write(given, `Group ${given.group} made.`, async (app, context) => {
      const input = { name: given.group, ...(await inputOf(given, app, context)) };
      return app.groupAdministration.createGroup(input, context);
    }),
};

const updateGroup: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <group>',
  describe: 'Change a group; what is left out stays',
  builder: (argv) =>
    writeOptions(argv).option('name', {
      type: 'string',
      requiresArg: true,
      describe: 'New name',
    }),
  handler: async (given) => {
    const { group, name, description, permissions } = given;
    if (name === undefined && description === undefined && permissions === undefined) {
      throw new UsageError('Say what to change: --name, --description or --permissions.');
    }
    await write(given, `Group ${group} changed.`, async (app, context) => {
      const input = { name, ...(await inputOf(given, app, context)) };
      const id = await app.lookup.groupId(group, context);
      return app.groupAdministration.updateGroup(id, input, context);
    });
  },
};

const deleteGroup: CommandModule<GlobalArguments, GroupArguments & ConfirmedArguments> = {
  command: 'delete <group>',
  describe: 'Delete a group; its members lose what it gave them',
  builder: (argv) => argv.positional('group', groupPositional).option('yes', yesOption),
  handler: async ({ group, ...given }) => {
    requireConfirmable(given);
    await withAppContext(given.terminal, async ({ lookup, groupAdministration }, context) => {
      const id = await lookup.groupId(group, context);
      await confirm(`Delete the group ${group}?`, given);
      await groupAdministration.deleteGroup(id, context);
    });
    print({ text: `Group ${group} deleted.`, json: { name: group } }, given);
  },
};

export const groupsCommand = commandGroup({
  name: 'groups',
  describe: 'List, show, make, change or delete groups',
  commands: (argv) =>
    argv
      .command(listGroups)
      .command(showGroup)
      .command(createGroup)
      .command(updateGroup)
      .command(deleteGroup),
});

function writeOptions(argv: Argv<GlobalArguments>): Argv<WriteArguments> {
  return argv
    .positional('group', groupPositional)
    .option('description', { type: 'string', describe: 'What it is for; may be left empty' })
    .option('permissions', {
      type: 'string',
      describe: 'Codes of all its permissions, with commas between',
    });
}

async function write(
  given: GlobalArguments,
  text: string,
  work: (app: AppContext, context: RequestContext) => Promise<Group>,
): Promise<void> {
  const found = await withAppContext(given.terminal, async (app, context) => {
    const { id } = await work(app, context);
    return loadGroup(id, app, context);
  });
  print({ text, json: recordOf(found, columns) }, given);
}

async function inputOf(
  { description, permissions }: WriteArguments,
  { lookup }: AppContext,
  context: RequestContext,
): Promise<GroupInput> {
  const codenames = permissions?.split(',').map((code) => code.trim());
  return {
    description,
    permissionIds: codenames && (await lookup.permissionIds(codenames.filter(Boolean), context)),
  };
}

async function loadGroup(
  id: string,
  { directory, access }: AppContext,
  context: RequestContext,
): Promise<GroupWithPermissions> {
  const group = await directory.group(id, context);
  const [found] = await withPermissions(group ? [group] : [], access);
  if (!found) throw new Error('a group that was there is gone');
  return found;
}

async function withPermissions(
  groups: readonly Group[],
  access: AppContext['access'],
): Promise<GroupWithPermissions[]> {
  const byGroup = await access.permissionsOfGroups(groups.map(({ id }) => id));
  return groups.map((group) => ({
    group,
    permissions: (byGroup.get(group.id) ?? []).map(({ codename }) => codename),
  }));
}
