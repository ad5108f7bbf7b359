/** `activateuser`: activates an account with the code that was mailed to it. */
import type { CommandModule } from 'yargs';
import { Problem } from '../core/errors.ts';
import { createPrompts } from './prompts.ts';
import { complainOfWaiting } from './registrations.ts';
import { complain, type Terminal } from './terminal.ts';
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
    await withHouse(terminal, async (house, context) => {
      const verify = (answer: string) =>
        house.emailVerification.verifyEmail({ code: answer }, context);
      if (code === undefined) return askForCode(verify, terminal);
      await verify(code).catch(async (error: unknown) => {
        await complainOfWaiting(house, context, terminal);
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
      complain(terminal, error.fields[0]?.message ?? error.message);
    }
  }
}
