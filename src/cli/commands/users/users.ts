/** `users …`: the group of the commands about users. */
import { commandGroup } from '../../arguments.ts';
import { eraseUser } from './erase.ts';
import { grantToUser, revokeFromUser } from './grants.ts';
import { listUsers } from './list.ts';
import { explainUser, showUser } from './show.ts';
import {
  disableUser,
  enableUser,
  inviteUser,
  revokeSessions,
  sendPasswordReset,
  setPassword,
  updateUser,
} from './update.ts';

export const usersCommand = commandGroup({
  name: 'users',
  describe: 'Find, show, change, disable, enable and erase users; grant and revoke permissions',
  commands: (argv) =>
    argv
      .command(listUsers)
      .command(showUser)
      .command(explainUser)
      .command(updateUser)
      .command(disableUser)
      .command(enableUser)
      .command(eraseUser)
      .command(setPassword)
      .command(sendPasswordReset)
      .command(inviteUser)
      .command(revokeSessions)
      .command(grantToUser)
      .command(revokeFromUser),
});
