/** `api-keys list|create|revoke`: the API keys of a user or of a service account. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { parseFields, rejectValue } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { ApiKey } from '../../features/api-keys/api-key.entity.ts';
import {
  commandGroup,
  type GlobalArguments,
  type ListArguments,
  listOptions,
  parseFormat,
  wordsOf,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, print, printList, rowToJson } from '../output.ts';

interface ListKeysArguments extends ListArguments {
  readonly user: string | undefined;
  readonly 'service-account': string | undefined;
}

interface CreateArguments extends GlobalArguments {
  readonly name: string;
  readonly 'service-account': string;
  readonly expires: string | undefined;
  readonly permissions: string | undefined;
}

interface RevokeArguments extends GlobalArguments {
  readonly id: string;
}

const columns: readonly Column<ApiKey>[] = [
  { name: 'id', title: 'ID', isNeverCut: true, value: ({ id }) => id },
  { name: 'name', title: 'NAME', value: ({ name }) => name },
  { name: 'prefix', title: 'PREFIX', value: ({ prefix }) => prefix },
  { name: 'permissions', title: 'LIMIT', value: ({ permissions }) => permissions },
  { name: 'createdAt', title: 'CREATED', value: ({ createdAt }) => createdAt },
  { name: 'expiresAt', title: 'EXPIRES', value: ({ expiresAt }) => expiresAt },
  { name: 'lastUsedAt', title: 'LAST USED', value: ({ lastUsedAt }) => lastUsedAt },
];

const accountDescription = 'Service account, by name, client id or id';

const listKeys: CommandModule<GlobalArguments, ListKeysArguments> = {
  command: 'list',
  describe: 'List the API keys of a user or of a service account, newest first',
  builder: (argv) =>
    listOptions(argv)
      .option('user', {
        type: 'string',
        requiresArg: true,
        describe: 'User, by email address, username or id',
      })
      .option('service-account', {
        type: 'string',
        requiresArg: true,
        describe: accountDescription,
      }),
  handler: async (args) => {
    const { user, 'service-account': account } = args;
    if ((user === undefined) === (account === undefined)) {
      throw new UsageError('Give --user or --service-account.');
    }
    const format = parseFormat(args);
    const keys = await withAppContext(
      args.terminal,
      async ({ admin }, context) =>
        admin.keyManagement.listApiKeys(
          account === undefined
            ? { userId: await admin.lookup.userId(user, context) }
            : { serviceAccountId: await findAccount(admin, account, context) },
          context,
        ),
      { purpose: 'read' },
    );
    await printList([keys], columns, { format, stdout: args.terminal.stdout });
  },
};

const createKey: CommandModule<GlobalArguments, CreateArguments> = {
  command: 'create <name>',
  describe: 'Create an API key of a service account, and print its secret once',
  builder: (argv) =>
    argv
      .positional('name', { type: 'string', demandOption: true, describe: 'Name of the key' })
      .option('service-account', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: accountDescription,
      })
      .option('expires', {
        type: 'string',
        requiresArg: true,
        describe: 'End of the key, such as 2027-01-31T12:00:00Z; by default none',
      })
      .option('permissions', {
        type: 'string',
        describe: 'Codes that limit the key, comma-separated; by default no limit',
      }),
  handler: async (args) => {
    const { apiKey, secret } = await withAppContext(args.terminal, async ({ admin }, context) =>
      admin.keyManagement.createApiKey(
        {
          name: args.name,
          expiresAt: args.expires,
          permissions: parseLimitingCodes(args.permissions),
          serviceAccountId: await findAccount(admin, args['service-account'], context),
        },
        context,
      ),
    );
    print({ text: secret, json: { ...rowToJson(apiKey, columns), secret } }, args);
  },
};

const revokeKey: CommandModule<GlobalArguments, RevokeArguments> = {
  command: 'revoke <id>',
  describe: 'Revoke an API key by its id in the list',
  builder: (argv) =>
    argv.positional('id', { type: 'string', demandOption: true, describe: 'Id of the key' }),
  handler: async ({ id, ...args }) => {
    await withAppContext(args.terminal, ({ admin }, context) =>
      admin.keyManagement.revokeApiKey(id, context),
    );
    print({ text: 'The API key is revoked.', json: { id } }, args);
  },
};

export const apiKeysCommand = commandGroup({
  name: 'api-keys',
  describe: 'List, create or revoke API keys',
  commands: (argv) => argv.command(listKeys).command(createKey).command(revokeKey),
});

/** @throws VALIDATION_FAILED for a list without a code, which could mean a key without a limit or without any permission */
function parseLimitingCodes(text: string | undefined): readonly string[] | undefined {
  const codes = text === undefined ? undefined : wordsOf(text);
  if (codes?.length !== 0) return codes;
  const message = 'Must have a code. Without --permissions the key has no limit of its own.';
  return parseFields({ permissions: () => rejectValue(message) }).permissions;
}

function findAccount(
  admin: AppContext['admin'],
  name: string,
  context: RequestContext,
): Promise<string> {
  return admin.serviceAccountDirectory.serviceAccountId(name, context);
}
