/** Configuration of the MikroORM command line: the options of the service. */
import { entities } from './src/bootstrap/entities.ts';
import { readConfig } from './src/config/config.ts';
import { ormOptions } from './src/database/orm.ts';

const { database } = readConfig();
if (database === undefined) {
  throw new Error(
    'Set DATABASE_URL: the MikroORM command line does not start the embedded PostgreSQL.',
  );
}

export default ormOptions({ database }, { entities });
