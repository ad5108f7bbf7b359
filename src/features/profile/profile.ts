/** What a person does to their own account: edit it, close it, take it along, have it erased. */

import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseEmail,
  parseFields,
  parseLastName,
  parseLocale,
  parsePersonName,
  parsePresentedPassword,
  parseUsernameOrNone,
  refuse,
  type Username,
} from '../../core/parse.ts';
import { type RequestContext, requireActor } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail, removeQueuedMails } from '../../mail/outbox.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { checkNewAddress } from '../authentication/apply-password.ts';
import type { Reauthentication } from '../authentication/reauthentication.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { EmailChanges } from './email-change.ts';

/** Sessions, and mailed codes, that an export has at most: the latest. */
export const exportedRows = 1000;

/** Everything raw; what is left out stays as it is. */
export interface UpdateProfileInput {
  readonly firstName?: unknown;
  readonly lastName?: unknown;
  readonly username?: unknown;
  readonly locale?: unknown;
  /** Begins a change of address, which needs the password. */
  readonly email?: unknown;
  readonly password?: unknown;
}

/** Everything raw. */
export interface DeactivateAccountInput {
  readonly email: unknown;
  readonly password: unknown;
}

export interface Profiles {
  /** All of it or nothing. @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED */
  updateProfile(input: UpdateProfileInput, context: RequestContext): Promise<User>;
  /** @throws INVALID_CREDENTIALS when they are not the caller's own, PROTECTED, THROTTLED, VALIDATION_FAILED */
  deactivateAccount(input: DeactivateAccountInput, context: RequestContext): Promise<void>;
  /**
   * Everything stored about the caller but secrets; of sessions and mailed codes the latest 1000, and
   * how many there are in all.
   */
  exportMyData(context: RequestContext): Promise<object>;
  /** @throws INVALID_CREDENTIALS, PROTECTED, THROTTLED, VALIDATION_FAILED */
  eraseAccount(password: unknown, context: RequestContext): Promise<void>;
}

export interface ProfilesDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly reauthentication: Reauthentication;
  readonly emailChanges: EmailChanges;
  readonly audit: Audit;
  readonly attemptLimits: AttemptLimits;
}

export function createProfiles(parts: ProfilesDeps): Profiles {
  const { users, oneTimePasswords, reauthentication, emailChanges } = parts;
  const { em, transaction, query } = parts.unitOfWork;

  const applyUsername = async (user: User, username: Username | null) => {
    const isSame = user.username?.toLowerCase() === username?.toLowerCase();
    const isFree = username === null || isSame || (await users.lockByUsername(username));
    parseFields({ username: () => isFree || refuse('Is taken; choose another one.') });
    user.username = username;
  };

  const claimOwn = async (context: RequestContext): Promise<User> => {
    const user = await users.lockById(requireActor(context).person.id);
    if (user?.status !== 'ACTIVE') throw new Problem('UNAUTHENTICATED');
    return user;
  };

  return {
    async updateProfile(input, context) {
      const actor = requireActor(context);
      const { email, password, ...profile } = parseProfile(input);
      const newEmail = email === actor.person.email ? undefined : email;
      if (newEmail !== undefined) {
        parseFields({ password: () => password ?? refuse('Must be given to change the address.') });
      }
      const proved =
        newEmail !== undefined && password !== undefined
          ? await reauthentication.reauthenticate(actor, password, context)
          : undefined;
      if (newEmail !== undefined && password !== undefined) {
        parseFields({ email: () => checkNewAddress(newEmail, password) });
      }
      const update = () =>
        transaction(async () => {
          if (proved && newEmail) {
            await emailChanges.begin(newEmail, () =>
              reauthentication.lockReauthenticated(actor, proved),
            );
          }
          const user = await claimOwn(context);
          if (profile.username !== undefined) await applyUsername(user, profile.username);
          user.firstName = profile.firstName ?? user.firstName;
          user.lastName = profile.lastName ?? user.lastName;
          user.locale = profile.locale ?? user.locale;
          return user;
        });
      if (newEmail === undefined) return update();
      const account = accountOf({ kind: 'email', value: actor.person.email });
      return parts.attemptLimits.limitEmailChange(account, update);
    },

    async deactivateAccount(input, context) {
      const actor = requireActor(context);
      const { email, password } = parseFields({
        email: () => parseEmail(input.email),
        password: () => parsePresentedPassword(input.password),
      });
      const isOwn = email === actor.person.email;
      const proved = await reauthentication.reauthenticate(actor, password, context, isOwn);
      await transaction(async () => {
        const user = await reauthentication.lockReauthenticated(actor, proved);
        await users.requireAnotherSuperuser(user);
        user.status = 'DISABLED';
        user.pendingEmail = null;
        await oneTimePasswords.endAll(user.id, [
          'verify-email',
          'reset-password',
          'change-email',
          'invite',
        ]);
      });
    },

    async exportMyData(context) {
      const { id } = requireActor(context).person;
      return transaction(async () => {
        const [row] = await query<{ data: object }>(exportSql, [exportedRows, exportedRows, id]);
        if (!row) throw new Problem('NOT_FOUND');
        await parts.audit.append({ action: 'data-exported', target: { type: 'user', id } });
        return row.data;
      });
    },

    async eraseAccount(raw, context) {
      const actor = requireActor(context);
      const { password } = parseFields({ password: () => parsePresentedPassword(raw) });
      const proved = await reauthentication.reauthenticate(actor, password, context);
      await transaction(async () => {
        const user = await reauthentication.lockReauthenticated(actor, proved);
        await users.requireAnotherSuperuser(user);
        await enqueueMail(em, { mail: 'account-erased', to: user.email, locale: user.locale });
        const { id } = user;
        const codes = await query<{ id: string }>(
          'select id from one_time_passwords where user_id = ?',
          [id],
        );
        const oneTimePasswordIds = codes.map((code) => code.id);
        await removeQueuedMails(parts.unitOfWork, { userId: id, oneTimePasswordIds });
        await users.remove(user);
        // The entries stay; what they say of the person goes with the key.
        await parts.audit.subjectKeys.forget(id);
      });
    },
  };
}

function parseProfile(input: UpdateProfileInput) {
  return parseFields({
    firstName: () => optional(input.firstName, parsePersonName),
    lastName: () => optional(input.lastName, parseLastName),
    username: () => optional(input.username, parseUsernameOrNone),
    locale: () => optional(input.locale, parseLocale),
    email: () => optional(input.email, parseEmail),
    password: () => optional(input.password, parsePresentedPassword),
  });
}

/** Hashes, digests and registrations of others are left out; everything else there is goes along. */
const exportSql = `
  select json_build_object(
    'account', to_jsonb(u),
    'hasPassword', exists (select 1 from password_hashes h where h.user_id = u.id),
    'groups', (
      select coalesce(json_agg(json_build_object('name', g.name, 'description', g.description) order by g.name), '[]')
      from user_groups ug join groups g on g.id = ug.group_id where ug.user_id = u.id
    ),
    'permissions', (
      select coalesce(json_agg(p.codename order by p.codename), '[]')
      from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = u.id
    ),
    'sessionCount', (select count(*) from sessions s where s.user_id = u.id),
    'sessions', (
      select coalesce(json_agg(to_jsonb(s) - 'user_id' - 'refresh_counter' order by s.created_at), '[]')
      from (
        select * from sessions where user_id = u.id order by created_at desc, id desc limit ?
      ) s
    ),
    'mailedCodeCount', (select count(*) from one_time_passwords o where o.user_id = u.id),
    'mailedCodes', (
      select coalesce(json_agg(json_build_object(
        'kind', o.kind, 'email', o.email, 'createdAt', o.created_at,
        'expiresAt', o.expires_at, 'endedAt', o.ended_at
      ) order by o.created_at, o.id), '[]')
      from (
        select * from one_time_passwords where user_id = u.id
        order by created_at desc, id desc limit ?
      ) o
    )
  ) as data
  from users u where u.id = ?`;
