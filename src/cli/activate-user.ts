/** `activateuser`: activates an account with the code that was mailed to it. */
import type { CommandModule } from 'yargs';
import { createPrompts } from './prompts.ts';
import type { Terminal } from './terminal.ts';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

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
    const answer = code ?? (await askForCode(terminal));
    await withHouse(terminal, ({ registrations }) => registrations.verifyEmail(answer));
    print({ text: 'The account is active.', json: { status: 'ACTIVE' } }, given);
  },
};

async function askForCode(terminal: Terminal): Promise<string> {
  using prompts = createPrompts(terminal);
  return await prompts.ask('Code');
}
