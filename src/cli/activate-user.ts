/** `activateuser`: activates an account with the code that was mailed to it. */
import type { CommandModule } from 'yargs';
import { createPrompts } from './prompts.ts';
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
  handler: async ({ code, json }) => {
    const given = code ?? (await askForCode());
    await withHouse(({ registrations }) => registrations.verifyEmail(given));
    print({ text: 'The account is active.', json: { status: 'ACTIVE' } }, json);
  },
};

async function askForCode(): Promise<string> {
  using prompts = createPrompts();
  return await prompts.ask('Code');
}
