/** `registrations list|confirm|delete`: pending registrations. */

import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { Registration } from '../../features/registrations/registration.entity.ts';
import { commandGroup, type GlobalArguments } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { printError, type Terminal } from '../io.ts';
import { type Column, paginate, print } from '../output.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';
import { listCommand } from './list.ts';

interface RegistrationArguments extends GlobalArguments {
  readonly registration: string;
}

const columns: readonly Column<Registration>[] = [
  { name: 'id', title: 'ID', isNeverCut: true, value: ({ id }) => id },
  { name: 'email', title: 'EMAIL', value: ({ email }) => email },
  { name: 'firstName', title: 'FIRST NAME', value: ({ firstName }) => firstName },
  { name: 'lastName', title: 'LAST NAME', value: ({ lastName }) => lastName },
  { name: 'createdAt', title: 'REGISTERED', value: ({ createdAt }) => createdAt },
  { name: 'expiresAt', title: 'CODE EXPIRES', value: ({ expiresAt }) => expiresAt },
];

/** Prints the number of registrations of an address, for a search of an account that does not exist yet. */
export async function warnOfRegistrations(
  { admin }: Pick<AppContext, 'admin'>,
  context: RequestContext,
  terminal: Terminal,
): Promise<void> {
  const count = await (await admin.directory.registrations({ first: 0 }, context)).count();
  if (count === 0) return;
  const [noun, verb] = count === 1 ? ['registration', 'waits'] : ['registrations', 'wait'];
  printError(
    terminal,
    `${count} ${noun} ${verb} for confirmation; see gatehouse registrations list.`,
  );
}

const registrationPositional = {
  type: 'string',
  demandOption: true,
  describe: 'Id, or the email address if only one registration has it',
} as const;

const listRegistrations = listCommand({
  describe: 'List the pending registrations, newest first',
  columns,
  pages: ({ admin }, context) =>
    paginate(
      (page) => admin.directory.registrations(page, context),
      async (registrations) => registrations,
    ),
});

const confirmRegistration: CommandModule<GlobalArguments, RegistrationArguments> = {
  command: 'confirm <registration>',
  describe: 'Create the account of a registration without its verification code',
  builder: (argv) => argv.positional('registration', registrationPositional),
  handler: async ({ registration, ...args }) => {
    const user = await withAppContext(args.terminal, async (app, context) => {
      const id = await app.admin.lookup.registrationId(registration, context);
      return app.admin.registrations.confirmRegistration(id, context);
    });
    const { id, email, status } = user;
    print({ text: `${email} is active.`, json: { id, email, status } }, args);
  },
};

const deleteRegistration: CommandModule<
  GlobalArguments,
  RegistrationArguments & ConfirmedArguments
> = {
  command: 'delete <registration>',
  describe: 'Delete a registration; its verification code no longer works',
  builder: (argv) =>
    argv.positional('registration', registrationPositional).option('yes', yesOption),
  handler: async ({ registration, ...args }) => {
    requireConfirmable(args);
    const deleted = await withAppContext(args.terminal, async (app, context) => {
      const id = await app.admin.lookup.registrationId(registration, context);
      await confirm(`Delete the registration ${registration}?`, args);
      await app.admin.registrations.deleteRegistration(id, context);
      return id;
    });
    print({ text: `Registration ${deleted} deleted.`, json: { id: deleted } }, args);
  },
};

export const registrationsCommand = commandGroup({
  name: 'registrations',
  describe: 'List, confirm or delete registrations',
  commands: (argv) =>
    argv.command(listRegistrations).command(confirmRegistration).command(deleteRegistration),
});
