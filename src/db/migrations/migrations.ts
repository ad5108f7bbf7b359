/** Every migration in its order, listed by hand. */
import { Initial } from './20261124000001-initial.ts';
import { Changes } from './20261124000002-changes.ts';
import { Accounts } from './20261124000003-accounts.ts';

export const migrations = [Initial, Changes, Accounts];
