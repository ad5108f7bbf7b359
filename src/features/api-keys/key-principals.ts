/**
 * The principals of API keys: the owner of a key with groups and permissions, and the limit of the key. One SQL
 * statement reads both kinds of owners.
 */
import type {
  ApiKeyCredential,
  ServiceAccountActor,
  UserActor,
  UserView,
} from '../../core/request-context.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import {
  effectivePermissionsSql,
  isCurrent,
  serviceAccountPermissionsSql,
} from '../access/access.ts';
import {
  cachedMetadataSql,
  createPrincipalCache,
  type PrincipalCache,
  type PrincipalCacheDeps,
} from '../access/principal-cache.ts';

export type KeyActor = (UserActor | ServiceAccountActor) & {
  readonly credential: ApiKeyCredential;
};

/** Finds the actor of a valid key of an ACTIVE user or of an active service account. */
export type KeyPrincipals = PrincipalCache<KeyActor>;

export function createKeyPrincipals({
  unitOfWork,
  ...deps
}: Omit<PrincipalCacheDeps<KeyActor>, 'kind' | 'load'> & {
  readonly unitOfWork: Pick<UnitOfWork, 'execute'>;
}): KeyPrincipals {
  return createPrincipalCache({
    ...deps,
    kind: 'api-key',
    async load(keyId) {
      const values = [keyId, deps.clock()];
      const [row] = await unitOfWork.execute<PrincipalRow>(findPrincipal, values);
      return row && { actor: toActor(keyId, row), validUntil: row.validUntil };
    },
  });
}

interface PrincipalRow extends UserView {
  readonly serviceAccount: ServiceAccountActor['serviceAccount'] | null;
  readonly keyPermissions: readonly string[] | null;
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
  readonly validUntil: Date | null;
}

const findPrincipal: Statement = {
  name: 'api-key-principal',
  text: `select
    u.id, u.email, u.username, u.first_name as "firstName", u.last_name as "lastName", u.status,
    u.is_staff as "isStaff", u.is_superuser as "isSuperuser", u.pending_email as "pendingEmail",
    u.email_verified_at as "emailVerifiedAt", u.locale, u.external_id as "externalId",
    ${cachedMetadataSql} as metadata,
    u.created_at as "createdAt", u.updated_at as "updatedAt", u.last_login_at as "lastLoginAt",
    case when s.id is not null then
      json_build_object('id', s.id, 'clientId', s.client_id, 'name', s.name)
    end as "serviceAccount",
    k.permissions as "keyPermissions",
    array(
      select g.name from groups g where g.id in (
        select group_id from user_groups ug where ug.user_id = u.id and ${isCurrent('ug')}
        union all
        select group_id from service_account_groups where service_account_id = s.id
      ) order by g.name
    ) as groups,
    case when s.id is null then ${effectivePermissionsSql} else ${serviceAccountPermissionsSql} end
      as permissions,
    least(k.expires_at, (
      select min(ug.expires_at) from user_groups ug where ug.user_id = u.id and ug.expires_at > now()
    )) as "validUntil"
  from api_keys k
    left join users u on u.id = k.user_id and u.status = 'ACTIVE'
    left join service_accounts s on s.id = k.service_account_id and s.disabled_at is null
  where k.id = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)
    and num_nonnulls(u.id, s.id) = 1`,
};

function toActor(keyId: string, row: PrincipalRow): KeyActor {
  const { groups, permissions, serviceAccount, keyPermissions, validUntil: _, ...user } = row;
  const fields = {
    groups: new Set(groups),
    permissions: new Set(permissions),
    credential: {
      kind: 'api-key',
      id: keyId,
      permissions: keyPermissions && new Set(keyPermissions),
    },
  } as const;
  return serviceAccount
    ? { kind: 'service-account', serviceAccount, ...fields }
    : { kind: 'user', user, ...fields };
}
