/** `users erase`: erases an account with all personal data. */
import type { CommandModule } from 'yargs';
import type { GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { print } from '../../output.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../../prompts.ts';
import { type UserArguments, userPositional } from './user-command.ts';

export const eraseUser: CommandModule<GlobalArguments, UserArguments & ConfirmedArguments> = {
  command: 'erase <user>',
  describe: 'Erase an account with all personal data, permanently',
  builder: (argv) => argv.positional('user', userPositional).option('yes', yesOption),
  handler: async ({ user: name, ...args }) => {
    requireConfirmable(args);
    const erased = await withAppContext(args.terminal, async ({ admin }, context) => {
      const id = await admin.lookup.userId(name, context);
      const email = (await admin.directory.user(id, context))?.email ?? name;
      await confirm(`Erase ${email} with all personal data? This cannot be undone.`, args);
      await admin.userErasure.eraseUser(id, context);
      return { id, email };
    });
    print({ text: `${erased.email} is erased.`, json: erased }, args);
  },
};
