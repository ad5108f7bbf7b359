/** `registrations list|confirm|delete`: what waits for its code, and the operator's decision on it. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { Registration } from '../../features/registrations/registration.entity.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import { printError, type Terminal } from '../io.ts';
import { type Column, formatOf, type ListArguments, listOptions, printList } from '../listing.ts';
import { paginate } from '../progress.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';

interface RegistrationArguments extends GlobalArguments {
  readonly registration: string;
}

const columns: readonly Column<Registration>[] = [
  { name: 'id', title: 'ID', isWhole: true, value: ({ id }) => id },
  { name: 'email', title: 'EMAIL', value: ({ email }) => email },
  { name: 'firstName', title: 'FIRST NAME', value: ({ firstName }) => firstName },
  { name: 'lastName', title: 'LAST NAME', value: ({ lastName }) => lastName },
  { name: 'createdAt', title: 'REGISTERED', value: ({ createdAt }) => createdAt },
  { name: 'expiresAt', title: 'CODE EXPIRES', value: ({ expiresAt }) => expiresAt },
];

/** Says that registrations wait, where an operator looks for an account that does not exist yet. */
export async function warnOfPending(
  { directory }: Pick<AppContext, 'directory'>,
  context: RequestContext,
  terminal: Terminal,
): Promise<void> {
  const count = await (await directory.registrations({ first: 0 }, context)).count();
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
  describe: 'Id, or the address when one registration waits for it',
} as const;

const listRegistrations: CommandModule<GlobalArguments, ListArguments> = {
  command: 'list',
  describe: 'List the registrations that wait, the newest first',
  builder: listOptions,
  handler: async (given) => {
    const format = formatOf(given);
    await withAppContext(
      given.terminal,
      ({ directory }, context) => {
        const pages = paginate(
          (page) => directory.registrations(page, context),
          async (registrations) => registrations,
        );
        return printList(pages, columns, { format, stdout: given.terminal.stdout });
      },
      { purpose: 'read' },
    );
  },
};

const confirmRegistration: CommandModule<GlobalArguments, RegistrationArguments> = {
  command: 'confirm <registration>',
  describe: 'Create the account of a registration without its code',
  builder: (argv) => argv.positional('registration', registrationPositional),
  handler: async ({ registration, ...given }) => {
    const user = await withAppContext(given.terminal, async (app, context) => {
      const id = await app.lookup.registrationId(registration, context);
      return app.registrationAdministration.confirmRegistration(id, context);
    });
    const { id, email, status } = user;
    print({ text: `${email} is active.`, json: { id, email, status } }, given);
  },
};

const deleteRegistration: CommandModule<
  GlobalArguments,
  RegistrationArguments & ConfirmedArguments
> = {
  command: 'delete <registration>',
  describe: 'Delete a registration; its code stops working',
  builder: (argv) =>
    argv.positional('registration', registrationPositional).option('yes', yesOption),
  handler: async ({ registration, ...given }) => {
    requireConfirmable(given);
    const deleted = await withAppContext(given.terminal, async (app, context) => {
      const id = await app.lookup.registrationId(registration, context);
      await confirm(`Delete the registration ${registration}?`, given);
      await app.registrationAdministration.deleteRegistration(id, context);
      return id;
    });
    print({ text: `The registration ${deleted} is deleted.`, json: { id: deleted } }, given);
  },
};

export const registrationsCommand = commandGroup({
  name: 'registrations',
  describe: 'List the registrations that wait, confirm or delete one',
  commands: (argv) =>
    argv.command(listRegistrations).command(confirmRegistration).command(deleteRegistration),
});
