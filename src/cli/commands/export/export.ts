/** `export …`: the group of the commands that write accounts and access to files. */
import { commandGroup } from '../../arguments.ts';
import { exportAccess } from './access.ts';
import { exportUsers } from './users.ts';

export const exportCommand = commandGroup({
  name: 'export',
  describe: 'Write accounts, or permissions and groups, to a file',
  commands: (argv) => argv.command(exportUsers).command(exportAccess),
});
