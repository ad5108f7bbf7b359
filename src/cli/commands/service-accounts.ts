/** `service-accounts list|create|update|enable|disable|delete`: callers without a mail address and a password. */
import type { Argv, CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { ServiceAccount } from '../../features/service-accounts/service-account.entity.ts';
import type { ServiceAccountInput } from '../../features/service-accounts/service-accounts.ts';
import { commandGroup, type GlobalArguments, wordsOf } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, paginate, print, rowToJson } from '../output.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';
import { listCommand } from './list.ts';

interface NameArguments extends GlobalArguments {
  readonly name: string;
}

interface AccountArguments extends GlobalArguments {
  readonly account: string;
}

interface InputArguments extends GlobalArguments {
  readonly description: string | undefined;
  readonly groups: string | undefined;
  readonly permissions: string | undefined;
}

interface AccountWithAccess {
  readonly account: ServiceAccount;
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
}

const columns: readonly Column<AccountWithAccess>[] = [
  { name: 'id', title: 'ID', isNeverCut: true, value: ({ account }) => account.id },
  {
    name: 'clientId',
    title: 'CLIENT ID',
    isNeverCut: true,
    value: ({ account }) => account.clientId,
  },
  { name: 'name', title: 'NAME', value: ({ account }) => account.name },
  { name: 'description', title: 'DESCRIPTION', value: ({ account }) => account.description },
  {
    name: 'isActive',
    title: 'ACTIVE',
    value: ({ account }) => account.disabledAt === null,
  },
  { name: 'groups', title: 'GROUPS', value: ({ groups }) => groups },
  { name: 'permissions', title: 'PERMISSIONS', value: ({ permissions }) => permissions },
  { name: 'createdAt', value: ({ account }) => account.createdAt },
  { name: 'lastUsedAt', title: 'LAST USED', value: ({ account }) => account.lastUsedAt },
];

const accountPositional = {
  type: 'string',
  demandOption: true,
  describe: 'Name, client id or id',
} as const;

const listAccounts = listCommand({
  describe: 'List the service accounts',
  columns,
  pages: ({ admin, users }, context) =>
    paginate(
      (page) => admin.serviceAccountDirectory.serviceAccounts(page, context),
      (accounts) => withAccess(accounts, users.access),
    ),
});

const createAccount: CommandModule<GlobalArguments, NameArguments & InputArguments> = {
  command: 'create <name>',
  describe: 'Create a service account',
  builder: (argv) =>
    inputOptions(argv).positional('name', {
      type: 'string',
      demandOption: true,
      describe: 'Name',
    }),
  handler: (args) =>
    changeAccount(args, 'created', async (app, context) => {
      const input = { name: args.name, ...(await findInput(args, app, context)) };
      return app.admin.serviceAccounts.createServiceAccount(input, context);
    }),
};

const updateAccount: CommandModule<
  GlobalArguments,
  AccountArguments & InputArguments & { readonly name: string | undefined }
> = {
  command: 'update <account>',
  describe: 'Change a service account; omitted fields keep their values',
  builder: (argv) =>
    inputOptions(argv)
      .positional('account', accountPositional)
      .option('name', { type: 'string', requiresArg: true, describe: 'New name' }),
  handler: async (args) => {
    const { name, description, groups, permissions } = args;
    if ([name, description, groups, permissions].every((value) => value === undefined)) {
      throw new UsageError(
        'Nothing to change: give --name, --description, --groups or --permissions.',
      );
    }
    await changeAccount(args, 'changed', async (app, context) => {
      const input = { name, ...(await findInput(args, app, context)) };
      return update(args.account, input, { app, context });
    });
  },
};

const enableAccount: CommandModule<GlobalArguments, AccountArguments> = {
  command: 'enable <account>',
  describe: 'Allow a service account to use its API keys again',
  builder: (argv) => argv.positional('account', accountPositional),
  handler: (args) =>
    changeAccount(args, 'enabled', (app, context) =>
      update(args.account, { isActive: true }, { app, context }),
    ),
};

const disableAccount: CommandModule<GlobalArguments, AccountArguments & ConfirmedArguments> = {
  command: 'disable <account>',
  describe: 'Refuse the API keys of a service account',
  builder: (argv) => argv.positional('account', accountPositional).option('yes', yesOption),
  handler: async (args) => {
    requireConfirmable(args);
    await changeAccount(args, 'disabled', async (app, context) => {
      await confirm(`Disable the service account ${args.account} and its API keys?`, args);
      return update(args.account, { isActive: false }, { app, context });
    });
  },
};

const deleteAccount: CommandModule<GlobalArguments, AccountArguments & ConfirmedArguments> = {
  command: 'delete <account>',
  describe: 'Delete a service account and its API keys',
  builder: (argv) => argv.positional('account', accountPositional).option('yes', yesOption),
  handler: async ({ account, ...args }) => {
    requireConfirmable(args);
    const id = await withAppContext(args.terminal, async ({ admin }, context) => {
      const found = await admin.serviceAccountDirectory.serviceAccountId(account, context);
      await confirm(`Delete the service account ${account} and its API keys?`, args);
      await admin.serviceAccounts.deleteServiceAccount(found, context);
      return found;
    });
    print({ text: `Service account ${account} deleted.`, json: { id } }, args);
  },
};

export const serviceAccountsCommand = commandGroup({
  name: 'service-accounts',
  describe: 'List, create, change, enable, disable or delete service accounts',
  commands: (argv) =>
    argv
      .command(listAccounts)
      .command(createAccount)
      .command(updateAccount)
      .command(enableAccount)
      .command(disableAccount)
      .command(deleteAccount),
});

function inputOptions(argv: Argv<GlobalArguments>): Argv<InputArguments> {
  return argv
    .option('description', { type: 'string', describe: 'Purpose of the account; can be empty' })
    .option('groups', { type: 'string', describe: 'Names of all its groups, comma-separated' })
    .option('permissions', {
      type: 'string',
      describe: 'Codes of all its direct permissions, comma-separated',
    });
}

async function update(
  name: string,
  input: ServiceAccountInput,
  { app, context }: { readonly app: AppContext; readonly context: RequestContext },
): Promise<ServiceAccount> {
  const id = await app.admin.serviceAccountDirectory.serviceAccountId(name, context);
  return app.admin.serviceAccounts.updateServiceAccount(id, input, context);
}

async function changeAccount(
  args: GlobalArguments,
  outcome: string,
  change: (app: AppContext, context: RequestContext) => Promise<ServiceAccount>,
): Promise<void> {
  const found = await withAppContext(args.terminal, async (app, context) => {
    const account = await change(app, context);
    const [loaded] = await withAccess([account], app.users.access);
    return loaded ?? { account, groups: [], permissions: [] };
  });
  const { name, clientId } = found.account;
  const text = `Service account ${name} ${outcome}. Its client id is ${clientId}.`;
  print({ text, json: rowToJson(found, columns) }, args);
}

async function findInput(
  args: InputArguments,
  { admin }: AppContext,
  context: RequestContext,
): Promise<ServiceAccountInput> {
  const [groups, permissions] = [args.groups, args.permissions].map((list) =>
    list === undefined ? undefined : wordsOf(list),
  );
  const groupIds: string[] = [];
  for (const group of groups ?? []) groupIds.push(await admin.lookup.groupId(group, context));
  return {
    description: args.description,
    groupIds: groups && groupIds,
    permissionIds: permissions && (await admin.lookup.permissionIds(permissions, context)),
  };
}

async function withAccess(
  accounts: readonly ServiceAccount[],
  access: AppContext['users']['access'],
): Promise<AccountWithAccess[]> {
  const ids = accounts.map(({ id }) => id);
  const groups = await access.groupsOfServiceAccounts(ids);
  const permissions = await access.permissionsOfServiceAccounts(ids);
  return accounts.map((account) => ({
    account,
    groups: (groups.get(account.id) ?? []).map(({ name }) => name),
    permissions: (permissions.get(account.id) ?? []).map(({ codename }) => codename),
  }));
}
