/** `createuser`, `createstaffuser`, `createsuperuser`, `activateuser`, `initdefaultadmin`. */
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { Problem } from '../../../core/errors.ts';
import { readShortCode } from '../../../crypto/one-time-secret.ts';
import type {
  AccountKind,
  ProvisionInput,
  ProvisioningChecks,
} from '../../../features/operations/provisioning.ts';
import type { User } from '../../../features/users/user.entity.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import {
  type ExternalFieldArguments,
  externalFieldOptions,
  parseMetadataOption,
} from '../../external-fields.ts';
import { printError, type Terminal } from '../../io.ts';
import { print } from '../../output.ts';
import {
  askNewPasswordIn,
  createPrompts,
  readSecretFromStdin,
  type Validate,
} from '../../prompts.ts';
import { warnOfRegistrations } from '../registrations.ts';

interface CreateArguments extends GlobalArguments, ExternalFieldArguments {
  readonly username: string | undefined;
  readonly email: string | undefined;
  readonly 'first-name': string | undefined;
  readonly 'last-name': string | undefined;
  readonly noinput: boolean;
  readonly 'password-stdin': boolean;
  readonly active: boolean;
}

type ParsedArguments = ArgumentsCamelCase<CreateArguments>;

const descriptions: Readonly<Record<AccountKind, string>> = {
  user: 'Create a user, who gets a verification code by mail',
  staff: 'Create a staff user, who gets a verification code by mail',
  superuser: 'Create an active superuser in the group Root',
};

export const createUser = createCommand('createuser', 'user');
export const createStaffUser = createCommand('createstaffuser', 'staff');
export const createSuperuser = createCommand('createsuperuser', 'superuser');

function createCommand(
  name: string,
  kind: AccountKind,
): CommandModule<GlobalArguments, CreateArguments> {
  return {
    command: name,
    describe: descriptions[kind],
    builder: (argv) => options(argv, kind),
    handler: async (args) => {
      requireCompatible(args);
      const isActive = kind === 'superuser' || args.active;
      const { externalId } = args;
      const metadata = parseMetadataOption(args.metadata);
      const user = await withAppContext(args.terminal, async ({ users }) =>
        users.provisioning.provision(
          { ...(await readInput(args, users.provisioningChecks)), externalId, metadata },
          { kind, isActive },
        ),
      );
      print({ text: confirmation(user, kind), json: summary(user) }, args);
    },
  };
}

function options(argv: Argv<GlobalArguments>, kind: AccountKind): Argv<CreateArguments> {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  const options = argv
    .option('username', text('Unique login name; can be blank'))
    .option('email', text('Email address'))
    .option('first-name', text('Given name'))
    .option('last-name', text('Family name'))
    .option('noinput', { type: 'boolean', default: false, describe: 'Ask no questions' })
    .option('password-stdin', {
      type: 'boolean',
      default: false,
      describe: 'Read the password from standard input',
    })
    .option('active', {
      type: 'boolean',
      default: false,
      hidden: kind === 'superuser',
      describe: 'Create an active account, without a verification code',
    });
  return externalFieldOptions(options, {
    externalId: 'Unique id of the user in another system',
    metadata: 'Fields of other systems, as a JSON object',
  });
}

/** @throws UsageError for options that contradict each other */
function requireCompatible({ noinput, email, passwordStdin }: ParsedArguments): void {
  if (noinput && email === undefined) throw new UsageError('--noinput needs --email.');
  if (noinput && !passwordStdin) {
    throw new UsageError(
      '--noinput needs --password-stdin: the password is read from standard input.',
    );
  }
  if (passwordStdin && !noinput && email === undefined) {
    throw new UsageError(
      '--password-stdin needs --email: questions cannot be answered on standard input as well.',
    );
  }
}

async function readInput(
  args: ParsedArguments,
  checks: ProvisioningChecks,
): Promise<ProvisionInput> {
  const { username, email, firstName, lastName, terminal } = args;
  if (args.passwordStdin) {
    return { username, email, firstName, lastName, password: await readSecretFromStdin(terminal) };
  }
  return askInput(args, checks);
}

async function askInput(
  args: ParsedArguments,
  checks: ProvisioningChecks,
): Promise<ProvisionInput> {
  const { username, email, firstName, lastName, terminal } = args;
  using prompts = createPrompts(terminal);
  const { ask } = prompts;
  const askOptional = (text: string, validate: Validate) =>
    ask({ text, isOptional: true, validate });
  const profile = {
    username: username ?? (await askOptional('Username', checks.username)),
    email: email ?? (await ask({ text: 'Email address', validate: checks.email })),
    firstName: firstName ?? (await askOptional('First name', checks.personName)),
    lastName: lastName ?? (await askOptional('Last name', checks.personName)),
  };
  const names = Object.values(profile);
  const password = await askNewPasswordIn(prompts, terminal, (raw) => checks.password(raw, names));
  return { ...profile, password };
}

function confirmation(user: User, kind: AccountKind): string {
  const label = { user: 'User', staff: 'Staff user', superuser: 'Superuser' }[kind];
  return user.status === 'PENDING'
    ? `${label} ${user.email} created. It gets a verification code by mail; activate with it: gatehouse activateuser`
    : `${label} ${user.email} created, and active.`;
}

function summary({ id, email, username, status, isStaff, isSuperuser }: User) {
  return { id, email, username, status, isStaff, isSuperuser };
}

interface ActivateArguments extends GlobalArguments {
  readonly code: string | undefined;
  readonly email: string | undefined;
}

export const activateUser: CommandModule<GlobalArguments, ActivateArguments> = {
  command: 'activateuser',
  describe: 'Activate an account with the verification code from its mail',
  builder: (argv) =>
    argv
      .option('code', {
        type: 'string',
        requiresArg: true,
        describe: 'Verification code; without it the command asks for the code',
      })
      .option('email', {
        type: 'string',
        requiresArg: true,
        describe: 'Address that received the code; a short code such as 4F7K-2M9X needs it',
      }),
  handler: async ({ code, email, ...args }) => {
    const { terminal } = args;
    await withAppContext(terminal, async (app, context) => {
      const verify = (input: { readonly code: string; readonly email: string | undefined }) =>
        app.auth.emailVerification.verifyEmail(input, context);
      if (code === undefined) return askForCode(verify, email, terminal);
      await verify({ code, email }).catch(async (error: unknown) => {
        await warnOfRegistrations(app, context, terminal);
        throw error;
      });
    });
    print({ text: 'The account is active.', json: { status: 'ACTIVE' } }, args);
  },
};

/** Asks for the code, and for its address if the code is short. At a terminal it repeats that until both are valid. */
async function askForCode(
  verify: (input: { readonly code: string; readonly email: string | undefined }) => Promise<void>,
  given: string | undefined,
  terminal: Terminal,
): Promise<void> {
  using prompts = createPrompts(terminal);
  for (;;) {
    const code = await prompts.ask({ text: 'Code' });
    const needsEmail = given === undefined && readShortCode(code) !== undefined;
    const email = needsEmail ? await prompts.ask({ text: 'Email address' }) : given;
    try {
      return await verify({ code, email });
    } catch (error) {
      if (!(error instanceof Problem) || !terminal.stdin.isTTY) throw error;
      printError(terminal, error.fields[0]?.message ?? error.message);
    }
  }
}

export const initDefaultAdmin: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'initdefaultadmin',
  describe: 'Create the superuser of DEFAULT_ADMIN_EMAIL, if there is no superuser',
  builder: {},
  handler: async (args) => {
    const created = await withAppContext(args.terminal, ({ users, config }) => {
      if (config.defaultAdmin) {
        return users.provisioning
          .provisionDefaultAdmin(config.defaultAdmin)
          .catch(throwWithVariableNames);
      }
      throw new UsageError('Set DEFAULT_ADMIN_EMAIL and DEFAULT_ADMIN_PASSWORD.');
    });
    const text = created
      ? `Superuser ${created.email} created.`
      : 'There is a superuser already; nothing to do.';
    print({ text, json: { isMade: created !== undefined, email: created?.email ?? null } }, args);
  },
};

/** @throws Problem whose fields have the names of the environment variables */
function throwWithVariableNames(error: unknown): never {
  if (!(error instanceof Problem)) throw error;
  const fields = error.fields.map(({ path, message }) => ({
    path: `DEFAULT_ADMIN_${path.toUpperCase()}`,
    message,
  }));
  throw new Problem(error.code, { fields });
}
