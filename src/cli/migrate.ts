/** `migrate`: brings the database to the present schema, and nothing else. */
import type { CommandModule } from 'yargs';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

export const migrateCommand: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'migrate',
  describe: 'Bring the database to the present schema',
  builder: {},
  handler: async (given) => {
    const migrated = await withHouse(given.terminal, async (house) => house.migrated, {
      purpose: 'migrate',
    });
    const text = migrated.length > 0 ? `Done: ${migrated.join(', ')}.` : 'Nothing to do.';
    print({ text, json: { migrated } }, given);
  },
};
