/** `migrate`: applies the missing migrations. With `--create-database` it creates a missing database first. */
import type { CommandModule } from 'yargs';
import { ConfigError, readConfig } from '../../config/config.ts';
import type { GlobalArguments } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { print } from '../output.ts';

interface MigrateArguments extends GlobalArguments {
  readonly createDatabase: boolean;
}

export const migrateCommand: CommandModule<GlobalArguments, MigrateArguments> = {
  command: 'migrate',
  describe: 'Apply the missing migrations',
  builder: {
    'create-database': {
      type: 'boolean',
      default: false,
      describe: 'Create the database of DATABASE_URL if it does not exist',
    },
  },
  handler: async (args) => {
    const isCreated = args.createDatabase && (await createMissingDatabase(args));
    const migrated = await withAppContext(args.terminal, async (app) => app.migrated, {
      purpose: 'migrate',
    });
    const summary = migrated.length > 0 ? `Applied: ${migrated.join(', ')}.` : 'Nothing to do.';
    const text = isCreated ? `Created the database. ${summary}` : summary;
    print({ text, json: { migrated, ...(args.createDatabase ? { isCreated } : {}) } }, args);
  },
};

async function createMissingDatabase({ terminal }: GlobalArguments): Promise<boolean> {
  const { database, directDatabase } = readConfig(terminal.env, terminal.cwd());
  if (!database) throw new ConfigError(['DATABASE_URL must be set for --create-database']);
  const { createDatabase } = await import('../../database/migrate.ts');
  return createDatabase(
    directDatabase ?? database,
    directDatabase ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL',
  );
}
