/** `users update`: an operator edits the profile of a person. */
import type { CommandModule } from 'yargs';
import type { UserInput } from '../features/administration/user-input.ts';
import { UsageError } from './usage.ts';
import { changeUser } from './users-changes.ts';
import { type UserArguments, userPositional } from './users-details.ts';
import type { GlobalArguments } from './with-house.ts';

interface UpdateArguments extends UserArguments {
  readonly email: string | undefined;
  readonly username: string | undefined;
  readonly 'first-name': string | undefined;
  readonly 'last-name': string | undefined;
  readonly staff: boolean | undefined;
}

export const updateUser: CommandModule<GlobalArguments, UpdateArguments> = {
  command: 'update <user>',
  describe: 'Change the profile of a person; what is left out stays',
  builder: (argv) => {
    const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
    return argv
      .positional('user', userPositional)
      .option('email', text('New address, which the person confirms; sessions end'))
      .option('username', text('New unique name to log in with'))
      .option('first-name', text('New given name'))
      .option('last-name', text('New family name'))
      .option('staff', { type: 'boolean', describe: 'May administer; --no-staff takes that away' });
  },
  handler: async ({ email, username, firstName, lastName, staff, ...given }) => {
    const input: UserInput = { email, username, firstName, lastName, isStaff: staff };
    if (Object.values(input).every((value) => value === undefined)) {
      throw new UsageError(
        'Say what to change: --email, --username, --first-name, --last-name or --staff.',
      );
    }
    await changeUser({ ...given, done: 'is changed' }, async (house, id, context) => {
      await house.userAdministration.updateUser(id, input, context);
    });
  },
};
