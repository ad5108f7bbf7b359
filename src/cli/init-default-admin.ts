/** `initdefaultadmin`: the first superuser, from the environment, while there is none. */
import type { CommandModule } from 'yargs';
import { Problem } from '../core/errors.ts';
import { UsageError } from './usage.ts';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

export const initDefaultAdmin: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'initdefaultadmin',
  describe: 'Make the superuser of DEFAULT_ADMIN_EMAIL, if there is no superuser yet',
  builder: {},
  handler: async (given) => {
    const made = await withHouse(given.terminal, ({ config, provisioning }) => {
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
