/** Every entity, listed by hand: no file is scanned at start. */
import { Group } from './features/access/group.entity.ts';
import { Permission } from './features/access/permission.entity.ts';
import { OneTimePassword } from './features/one-time-passwords/one-time-password.entity.ts';
import { Registration } from './features/registrations/registration.entity.ts';
import { DeletedSession } from './features/sessions/deleted-session.entity.ts';
import { Session } from './features/sessions/session.entity.ts';
import { SigningKey } from './features/sessions/signing-key.entity.ts';
import { PasswordHash } from './features/users/password-hash.entity.ts';
import { User } from './features/users/user.entity.ts';

export const entities = [
  Permission,
  Group,
  User,
  PasswordHash,
  OneTimePassword,
  Registration,
  Session,
  DeletedSession,
  SigningKey,
];
