/** Every migration in its order, listed by hand. */
import { Initial } from './20261124000001-initial.ts';

export const migrations = [Initial];
