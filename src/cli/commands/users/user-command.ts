/** The common part of the commands that change one user: the argument `<user>`, the lookup and the output. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { print } from '../../output.ts';

export interface UserArguments extends GlobalArguments {
  readonly user: string;
}

export const userPositional = {
  type: 'string',
  demandOption: true,
  describe: 'Email address, username or id',
} as const;

type ChangeUser = (app: AppContext, id: string, context: RequestContext) => Promise<void>;

/** A command without options of its own. */
export function makeCommand(
  name: string,
  describe: string,
  { outcome, change }: { readonly outcome: string; readonly change: ChangeUser },
): CommandModule<GlobalArguments, UserArguments> {
  return {
    command: `${name} <user>`,
    describe,
    builder: (argv) => argv.positional('user', userPositional),
    handler: (args) => runUserCommand({ ...args, outcome }, change),
  };
}

/**
 * Changes a user and prints the email address with the outcome, such as `is active`. The email
 * address shows an operator who gave an id which account changed.
 */
export async function runUserCommand(
  { user: name, outcome, ...args }: UserArguments & { readonly outcome: string },
  change: ChangeUser,
): Promise<void> {
  const user = await withAppContext(args.terminal, async (app, context) => {
    const id = await app.admin.lookup.userId(name, context);
    await change(app, id, context);
    return app.admin.directory.user(id, context);
  });
  const { id = null, email = '', status = null } = user ?? {};
  print({ text: `${email} ${outcome}.`, json: { id, email, status } }, args);
}
