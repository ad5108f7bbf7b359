/** For the MikroORM command line: the same options as the service's, nothing more. */
import { readConfig } from './src/core/config.ts';
import { ormOptions } from './src/db/orm.ts';
import { entities } from './src/entities.ts';

const { database } = readConfig();
if (database === undefined) {
  throw new Error('Set DATABASE_URL: the MikroORM command line does not start the embedded one.');
}

export default ormOptions({ database }, { entities });
