/** `permissions list|create|update|delete`. */

import type { CommandModule } from 'yargs';
import type { Permission } from '../../features/access/access.entities.ts';
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
import { UsageError } from '../usage.ts';

interface PermissionArguments extends GlobalArguments {
  readonly permission: string;
}

interface CreateArguments extends PermissionArguments {
  readonly name: string;
}

interface UpdateArguments extends PermissionArguments {
  readonly name: string | undefined;
  readonly codename: string | undefined;
}

const columns: readonly Column<Permission>[] = [
  { name: 'id', value: ({ id }) => id },
  { name: 'codename', title: 'CODE', value: ({ codename }) => codename },
  { name: 'name', title: 'NAME', value: ({ name }) => name },
  { name: 'isBuiltIn', title: 'BUILT IN', value: ({ isBuiltIn }) => isBuiltIn },
];

const codePositional = {
  type: 'string',
  demandOption: true,
  describe: 'Code, such as shop.view_order',
} as const;

const listPermissions: CommandModule<GlobalArguments, ListArguments> = {
  command: 'list',
  describe: 'List the permissions',
  builder: listOptions,
  handler: async (given) => {
    const format = formatOf(given);
    await withAppContext(
      given.terminal,
      ({ directory }, context) => {
        const pages = paginate(
          (page) => directory.permissions(page, context),
          async (permissions) => permissions,
        );
        return printList(pages, columns, { format, stdout: given.terminal.stdout });
      },
      { purpose: 'read' },
    );
  },
};

const createPermission: CommandModule<GlobalArguments, CreateArguments> = {
  command: 'create <permission>',
  describe: 'Make a permission',
  builder: (argv) =>
    argv.positional('permission', codePositional).option('name', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'What people call it',
    }),
  handler: async ({ permission: codename, name, ...given }) => {
    const made = await withAppContext(given.terminal, ({ permissionAdministration }, context) =>
      permissionAdministration.createPermission({ codename, name }, context),
    );
    print({ text: `Permission ${made.codename} made.`, json: recordOf(made, columns) }, given);
  },
};

const updatePermission: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <permission>',
  describe: 'Change a permission; what is left out stays',
  builder: (argv) =>
    argv
      .positional('permission', codePositional)
      .option('name', { type: 'string', requiresArg: true, describe: 'What people call it' })
      .option('codename', {
        type: 'string',
        requiresArg: true,
        describe: 'New code; whoever holds the permission holds what this stands for',
      }),
  handler: async ({ permission, name, codename, ...given }) => {
    if (name === undefined && codename === undefined) {
      throw new UsageError('Say what to change: --name or --codename.');
    }
    const changed = await withAppContext(
      given.terminal,
      async ({ lookup, permissionAdministration }, context) => {
        const id = await lookup.permissionId(permission, context);
        return permissionAdministration.updatePermission(id, { name, codename }, context);
      },
    );
    print({ text: `Permission ${permission} changed.`, json: recordOf(changed, columns) }, given);
  },
};

const deletePermission: CommandModule<GlobalArguments, PermissionArguments & ConfirmedArguments> = {
  command: 'delete <permission>',
  describe: 'Delete a permission; nobody holds it any more',
  builder: (argv) => argv.positional('permission', codePositional).option('yes', yesOption),
  handler: async ({ permission, ...given }) => {
    requireConfirmable(given);
    await withAppContext(given.terminal, async ({ lookup, permissionAdministration }, context) => {
      const id = await lookup.permissionId(permission, context);
      await confirm(`Delete the permission ${permission}?`, given);
      await permissionAdministration.deletePermission(id, context);
    });
    print({ text: `Permission ${permission} deleted.`, json: { codename: permission } }, given);
  },
};

export const permissionsCommand = commandGroup({
  name: 'permissions',
  describe: 'List, make, change or delete permissions',
  commands: (argv) =>
    argv
      .command(listPermissions)
      .command(createPermission)
      .command(updatePermission)
      .command(deletePermission),
});
