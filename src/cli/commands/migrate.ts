/** `migrate`: brings the database to the present schema, and creates the database only when it is told to. */
import type { CommandModule } from 'yargs';
import { ConfigError, readConfig } from '../../config/config.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';

interface Given extends GlobalArguments {
  readonly createDatabase: boolean;
}

export const migrateCommand: CommandModule<GlobalArguments, Given> = {
  command: 'migrate',
  describe: 'Bring the database to the present schema',
  builder: {
    'create-database': {
      type: 'boolean',
      default: false,
      describe: 'Create the database that DATABASE_URL names, if it does not exist',
    },
  },
  handler: async (given) => {
    const isCreated = given.createDatabase && (await createMissing(given));
    const migrated = await withAppContext(given.terminal, async (app) => app.migrated, {
      purpose: 'migrate',
    });
    const done = migrated.length > 0 ? `Done: ${migrated.join(', ')}.` : 'Nothing to do.';
    const text = isCreated ? `Created the database. ${done}` : done;
    print({ text, json: { migrated, ...(given.createDatabase ? { isCreated } : {}) } }, given);
  },
};

async function createMissing({ terminal }: GlobalArguments): Promise<boolean> {
  const { database, directDatabase } = readConfig(terminal.env, terminal.cwd());
  if (!database) throw new ConfigError(['DATABASE_URL must be set for --create-database']);
  const { createDatabase } = await import('../../database/migrate.ts');
  return createDatabase(
    directDatabase ?? database,
    directDatabase ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL',
  );
}
