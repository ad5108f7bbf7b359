/**
 * Reads the owner of a credential, while the credential is valid. A request is authenticated before its body arrives,
 * so a change checks its credential again, in its transaction.
 */
import { Problem } from '../../core/errors.ts';
import { type Actor, actorIdOf } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';

export interface CredentialOwner {
  /** False for a service account. */
  readonly isSuperuser: boolean;
  readonly isStaff: boolean;
  /** When the API key expires; null for never, and for a session. */
  readonly keyExpiresAt: Date | null;
}

/**
 * Needs a transaction. A caller that creates credentials has locked their owner: then the end of the credential is
 * either committed and found here, or waits for the transaction.
 *
 * @throws UNAUTHENTICATED when the credential has ended, or its owner is not active
 */
export type FindCredentialOwner = (actor: Actor) => Promise<CredentialOwner>;

const validKeySql = 'k.revoked_at is null and (k.expires_at is null or k.expires_at > now())';

const userSql = 'u.is_superuser as "isSuperuser", u.is_staff as "isStaff"';

/** SQL by the kinds of the owner and the credential. Its parameters are their ids. */
const statements = {
  'user session': `
    select ${userSql}, null::timestamptz as "keyExpiresAt"
    from users u join sessions s on s.user_id = u.id
    where u.id = ? and u.status = 'ACTIVE' and s.id = ? and s.ended_at is null and s.expires_at > now()`,
  'user api-key': `
    select ${userSql}, k.expires_at as "keyExpiresAt"
    from users u join api_keys k on k.user_id = u.id
    where u.id = ? and u.status = 'ACTIVE' and k.id = ? and ${validKeySql}`,
  'service-account': `
    select false as "isSuperuser", false as "isStaff", k.expires_at as "keyExpiresAt"
    from service_accounts a join api_keys k on k.service_account_id = a.id
    where a.id = ? and a.disabled_at is null and k.id = ? and ${validKeySql}`,
} as const;

export function createFindCredentialOwner({
  query,
}: Pick<UnitOfWork, 'query'>): FindCredentialOwner {
  return async (actor) => {
    const { kind, credential } = actor;
    const sql = kind === 'user' ? statements[`user ${credential.kind}`] : statements[kind];
    const [owner] = await query<CredentialOwner>(sql, [actorIdOf(actor), credential.id]);
    if (!owner) throw new Problem('UNAUTHENTICATED');
    return owner;
  };
}
