/** `users …`: the commands about people. */

import { commandGroup } from '../../command-group.ts';
import {
  disableUser,
  enableUser,
  grantToUser,
  inviteUser,
  revokeFromUser,
  revokeSessions,
  sendPasswordReset,
  setPassword,
  updateUser,
} from './change.ts';
import { listUsers } from './list.ts';
import { explainUser, showUser } from './show.ts';

export const usersCommand = commandGroup({
  name: 'users',
  describe: 'Find, show, disable, enable people; give and take what they may do',
  commands: (argv) =>
    argv
      .command(listUsers)
      .command(showUser)
      .command(explainUser)
      .command(updateUser)
      .command(disableUser)
      .command(enableUser)
      .command(setPassword)
      .command(sendPasswordReset)
      .command(inviteUser)
      .command(revokeSessions)
      .command(grantToUser)
      .command(revokeFromUser),
});
