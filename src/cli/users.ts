/** `users …`: the commands about people. */
import type { CommandModule } from 'yargs';
import {
  disableUser,
  enableUser,
  grantToUser,
  revokeFromUser,
  revokeSessions,
  sendPasswordReset,
  setPassword,
} from './users-changes.ts';
import { explainUser, showUser } from './users-details.ts';
import { listUsers } from './users-list.ts';
import type { GlobalArguments } from './with-house.ts';

export const usersCommand: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'users <command>',
  describe: 'Find, show, disable, enable people; give and take what they may do',
  builder: (argv) =>
    argv
      .command(listUsers)
      .command(showUser)
      .command(explainUser)
      .command(disableUser)
      .command(enableUser)
      .command(setPassword)
      .command(sendPasswordReset)
      .command(revokeSessions)
      .command(grantToUser)
      .command(revokeFromUser)
      .demandCommand(1),
  handler: () => undefined,
};
