/** For the MikroORM command line: the same options as the service's, nothing more. */

import { entities } from './src/bootstrap/entities.ts';
import { readConfig } from './src/config/config.ts';
import { ormOptions } from './src/database/orm.ts';

const { database } = readConfig();
if (database === undefined) {
  throw new Error('Set DATABASE_URL: the MikroORM command line does not start the embedded one.');
}

export default ormOptions({ database }, { entities });
