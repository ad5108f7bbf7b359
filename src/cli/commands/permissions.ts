/** `permissions list|create|update|delete`: permissions by code. */
import type { CommandModule } from 'yargs';
import type { Permission } from '../../features/access/access.entities.ts';
import { commandGroup, type GlobalArguments } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, paginate, print, rowToJson } from '../output.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';
import { listCommand } from './list.ts';

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

const listPermissions = listCommand({
  describe: 'List the permissions',
  columns,
  pages: ({ admin }, context) =>
    paginate(
      (page) => admin.directory.permissions(page, context),
      async (permissions) => permissions,
    ),
});

const createPermission: CommandModule<GlobalArguments, CreateArguments> = {
  command: 'create <permission>',
  describe: 'Create a permission',
  builder: (argv) =>
    argv.positional('permission', codePositional).option('name', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'Display name',
    }),
  handler: async ({ permission: codename, name, ...args }) => {
    const created = await withAppContext(args.terminal, ({ admin }, context) =>
      admin.permissions.createPermission({ codename, name }, context),
    );
    print(
      { text: `Permission ${created.codename} created.`, json: rowToJson(created, columns) },
      args,
    );
  },
};

const updatePermission: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <permission>',
  describe: 'Change a permission; omitted fields keep their values',
  builder: (argv) =>
    argv
      .positional('permission', codePositional)
      .option('name', { type: 'string', requiresArg: true, describe: 'Display name' })
      .option('codename', {
        type: 'string',
        requiresArg: true,
        describe: 'New code; users and groups with the permission keep it',
      }),
  handler: async ({ permission, name, codename, ...args }) => {
    if (name === undefined && codename === undefined) {
      throw new UsageError('Nothing to change: give --name or --codename.');
    }
    const changed = await withAppContext(args.terminal, async ({ admin }, context) => {
      const id = await admin.lookup.permissionId(permission, context);
      return admin.permissions.updatePermission(id, { name, codename }, context);
    });
    print({ text: `Permission ${permission} changed.`, json: rowToJson(changed, columns) }, args);
  },
};

const deletePermission: CommandModule<GlobalArguments, PermissionArguments & ConfirmedArguments> = {
  command: 'delete <permission>',
  describe: 'Delete a permission, and revoke it from all users and groups',
  builder: (argv) => argv.positional('permission', codePositional).option('yes', yesOption),
  handler: async ({ permission, ...args }) => {
    requireConfirmable(args);
    await withAppContext(args.terminal, async ({ admin }, context) => {
      const id = await admin.lookup.permissionId(permission, context);
      await confirm(`Delete the permission ${permission}?`, args);
      await admin.permissions.deletePermission(id, context);
    });
    print({ text: `Permission ${permission} deleted.`, json: { codename: permission } }, args);
  },
};

export const permissionsCommand = commandGroup({
  name: 'permissions',
  describe: 'List, create, change or delete permissions',
  commands: (argv) =>
    argv
      .command(listPermissions)
      .command(createPermission)
      .command(updatePermission)
      .command(deletePermission),
});
