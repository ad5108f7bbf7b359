/** `createuser`, `createstaffuser`, `createsuperuser`: accounts made by an operator. */
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { Problem } from '../../../core/errors.ts';
import type {
  AccountKind,
  ProvisionInput,
  ProvisioningChecks,
} from '../../../features/operations/provisioning.ts';
import type { User } from '../../../features/users/user.entity.ts';
import { type GlobalArguments, print, withAppContext } from '../../context.ts';
import { printError, type Terminal } from '../../io.ts';
import { type Check, createPrompts, newPasswordFrom, readSecretFromStdin } from '../../prompts.ts';
import { UsageError } from '../../usage.ts';
import { warnOfPending } from '../registrations.ts';

interface CreateArguments extends GlobalArguments {
  readonly username: string | undefined;
  readonly email: string | undefined;
  readonly 'first-name': string | undefined;
  readonly 'last-name': string | undefined;
  readonly noinput: boolean;
  readonly 'password-stdin': boolean;
  readonly active: boolean;
}

type Given = ArgumentsCamelCase<CreateArguments>;

const describeOf: Readonly<Record<AccountKind, string>> = {
  user: 'Make a user, who gets a code by mail',
  staff: 'Make a staff user, who gets a code by mail',
  superuser: 'Make an active superuser in the Root group',
};

export const createUser = command('createuser', 'user');
export const createStaffUser = command('createstaffuser', 'staff');
export const createSuperuser = command('createsuperuser', 'superuser');

function command(name: string, kind: AccountKind): CommandModule<GlobalArguments, CreateArguments> {
  return {
    command: name,
    describe: describeOf[kind],
    builder: (argv) => options(argv, kind),
    handler: async (given) => {
      requireUsable(given);
      const isActive = kind === 'superuser' || given.active;
      const user = await withAppContext(
        given.terminal,
        async ({ provisioning, provisioningChecks }) =>
          provisioning.provision(await collect(given, provisioningChecks), { kind, isActive }),
      );
      print({ text: sentence(user, kind), json: summary(user) }, given);
    },
  };
}

function options(argv: Argv<GlobalArguments>, kind: AccountKind): Argv<CreateArguments> {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  return argv
    .option('username', text('Unique name to log in with; may be left blank'))
    .option('email', text('Address'))
    .option('first-name', text('Given name'))
    .option('last-name', text('Family name'))
    .option('noinput', { type: 'boolean', default: false, describe: 'Ask nothing' })
    .option('password-stdin', {
      type: 'boolean',
      default: false,
      describe: 'Read the password from standard input',
    })
    .option('active', {
      type: 'boolean',
      default: false,
      hidden: kind === 'superuser',
      describe: 'Active at once, without a code',
    });
}

/** @throws UsageError for options that do not go together */
function requireUsable({ noinput, email, passwordStdin }: Given): void {
  if (noinput && email === undefined) throw new UsageError('--noinput needs --email.');
  if (noinput && !passwordStdin) {
    throw new UsageError(
      '--noinput needs --password-stdin: the password is read from standard input.',
    );
  }
  if (passwordStdin && !noinput && email === undefined) {
    throw new UsageError(
      '--password-stdin needs --email, as standard input cannot be asked as well.',
    );
  }
}

async function collect(given: Given, checks: ProvisioningChecks): Promise<ProvisionInput> {
  const { username, email, firstName, lastName, terminal } = given;
  if (given.passwordStdin) {
    return { username, email, firstName, lastName, password: await readSecretFromStdin(terminal) };
  }
  return interview(given, checks);
}

async function interview(given: Given, checks: ProvisioningChecks): Promise<ProvisionInput> {
  const { username, email, firstName, lastName, terminal } = given;
  using prompts = createPrompts(terminal);
  const { ask } = prompts;
  const optional = (text: string, check: Check) => ask({ text, isOptional: true, check });
  const profile = {
    username: username ?? (await optional('Username', checks.username)),
    email: email ?? (await ask({ text: 'Email address', check: checks.email })),
    firstName: firstName ?? (await optional('First name', checks.personName)),
    lastName: lastName ?? (await optional('Last name', checks.personName)),
  };
  const about = Object.values(profile);
  const password = await newPasswordFrom(prompts, terminal, (raw) => checks.password(raw, about));
  return { ...profile, password };
}

function sentence(user: User, kind: AccountKind): string {
  const what = { user: 'User', staff: 'Staff user', superuser: 'Superuser' }[kind];
  return user.status === 'PENDING'
    ? `${what} ${user.email} made. A code was mailed there; activate with it: gatehouse activateuser`
    : `${what} ${user.email} made, active at once.`;
}

function summary({ id, email, username, status, isStaff, isSuperuser }: User) {
  return { id, email, username, status, isStaff, isSuperuser };
}

interface ActivateArguments extends GlobalArguments {
  readonly code: string | undefined;
}

export const activateUser: CommandModule<GlobalArguments, ActivateArguments> = {
  command: 'activateuser',
  describe: 'Activate an account with the code from its mail',
  builder: (argv) =>
    argv.option('code', {
      type: 'string',
      requiresArg: true,
      describe: 'The code; asked for when left out',
    }),
  handler: async ({ code, ...given }) => {
    const { terminal } = given;
    await withAppContext(terminal, async (app, context) => {
      const verify = (answer: string) =>
        app.emailVerification.verifyEmail({ code: answer }, context);
      if (code === undefined) return askForCode(verify, terminal);
      await verify(code).catch(async (error: unknown) => {
        await warnOfPending(app, context, terminal);
        throw error;
      });
    });
    print({ text: 'The account is active.', json: { status: 'ACTIVE' } }, given);
  },
};

/** Asks again at a terminal while the code is not a right one. */
async function askForCode(
  verify: (code: string) => Promise<void>,
  terminal: Terminal,
): Promise<void> {
  using prompts = createPrompts(terminal);
  for (;;) {
    const code = await prompts.ask({ text: 'Code' });
    try {
      return await verify(code);
    } catch (error) {
      if (!(error instanceof Problem) || !terminal.stdin.isTTY) throw error;
      printError(terminal, error.fields[0]?.message ?? error.message);
    }
  }
}

export const initDefaultAdmin: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'initdefaultadmin',
  describe: 'Make the superuser of DEFAULT_ADMIN_EMAIL, if there is no superuser yet',
  builder: {},
  handler: async (given) => {
    const made = await withAppContext(given.terminal, ({ config, provisioning }) => {
      if (config.defaultAdmin) {
        return provisioning.provisionDefaultAdmin(config.defaultAdmin).catch(nameVariables);
      }
      throw new UsageError('Set DEFAULT_ADMIN_EMAIL and DEFAULT_ADMIN_PASSWORD.');
    });
    const text = made
      ? `Superuser ${made.email} made.`
      : 'There is a superuser already; nothing to do.';
    print({ text, json: { isMade: made !== undefined, email: made?.email ?? null } }, given);
  },
};

/** The inputs by the names that the operator knows. */
function nameVariables(error: unknown): never {
  if (!(error instanceof Problem)) throw error;
  const fields = error.fields.map(({ path, message }) => ({
    path: `DEFAULT_ADMIN_${path.toUpperCase()}`,
    message,
  }));
  throw new Problem(error.code, { fields });
}
