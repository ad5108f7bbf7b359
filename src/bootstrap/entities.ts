/** Lists all entities. MikroORM scans no files at the start. */
import { Group, Permission } from '../features/access/access.entities.ts';
import { ApiKey } from '../features/api-keys/api-key.entity.ts';
import { OneTimePassword } from '../features/one-time-passwords/one-time-password.entity.ts';
import { Registration } from '../features/registrations/registration.entity.ts';
import { ServiceAccount } from '../features/service-accounts/service-account.entity.ts';
import { Session } from '../features/sessions/session.entity.ts';
import { SigningKey } from '../features/sessions/signing-key.entity.ts';
import { PasswordHash, User } from '../features/users/user.entity.ts';

export const entities = [
  Permission,
  Group,
  User,
  PasswordHash,
  OneTimePassword,
  Registration,
  Session,
  SigningKey,
  ServiceAccount,
  ApiKey,
];
