/**
 * Creation, lists and revocation of API keys. Users manage their own keys in a session. Administrators manage the
 * keys of service accounts, and revoke keys of users.
 */
import { Problem } from '../../core/errors.ts';
import { maxListLength } from '../../core/max-lengths.ts';
import {
  optional,
  parseCodename,
  parseFields,
  parseGroupName,
  parseId,
  parseInstant,
  rejectValue,
} from '../../core/parse.ts';
import {
  type Actor,
  actorIdOf,
  type RequestContext,
  requireActor,
  requireSession,
} from '../../core/request-context.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { matchesGrant } from '../access/access.ts';
import { createFindCredentialOwner } from '../access/credential-owner.ts';
import {
  type ActorPolicies,
  beforeEveryEnd,
  isAdministrator,
  requireAdministrator,
  type TimedGrant,
} from '../administration/policies.ts';
import type { UserPolicies } from '../administration/user-policies.ts';
import type { ApiKey } from '../api-keys/api-key.entity.ts';
import type { ApiKeys, CreatedKey, NewKey } from '../api-keys/api-keys.ts';
import type { Users } from '../users/users.ts';

/** Unparsed input. */
export interface CreateApiKeyInput {
  readonly name: unknown;
  readonly expiresAt?: unknown;
  readonly permissions?: unknown;
  readonly serviceAccountId?: unknown;
}

export interface KeyManagement {
  /**
   * Creates a key of the caller, or of a service account. For a service account the actor must hold all its grants
   * and `users.change_service_account` for as long as the key is valid. A caller with an API key creates no key of its
   * own owner, and none that is valid longer than its own. A code that the owner does not hold is refused.
   *
   * @throws FORBIDDEN, NOT_FOUND, UNAUTHENTICATED for a credential that has ended meanwhile, VALIDATION_FAILED
   */
  createApiKey(input: CreateApiKeyInput, context: RequestContext): Promise<CreatedKey>;
  /** The result is the id. @throws FORBIDDEN, NOT_FOUND for a key that the caller may not revoke */
  revokeApiKey(id: unknown, context: RequestContext): Promise<void>;
  /** Keys of one owner. @throws FORBIDDEN */
  listApiKeys(
    owner: { readonly userId: string } | { readonly serviceAccountId: string },
    context: RequestContext,
  ): Promise<ApiKey[]>;
}

export interface KeyManagementDeps {
  readonly unitOfWork: UnitOfWork;
  readonly apiKeys: ApiKeys;
  readonly users: Pick<Users, 'lockById'>;
  readonly policies: Pick<ActorPolicies, 'forActor' | 'forOwner' | 'grantsOfServiceAccount'>;
  readonly userPolicies: Pick<UserPolicies, 'lockManagedUser'>;
  readonly clock: Clock;
}

type KeyFields = Omit<NewKey, 'owner'>;

/** Of a key with an end. A shorter one is mostly a clock that is wrong. */
const minLifetimeSeconds = 60;

const changeAccount = 'users.change_service_account';

export function createKeyManagement(deps: KeyManagementDeps): KeyManagement {
  const { apiKeys, policies } = deps;
  const { query, transaction } = deps.unitOfWork;
  const findCredentialOwner = createFindCredentialOwner({ query });

  const createOwn = async (key: KeyFields, context: RequestContext): Promise<CreatedKey> => {
    const actor = requireSession(context);
    const user = await deps.users.lockById(actor.user.id);
    if (!user) throw new Problem('UNAUTHENTICATED');
    const rights = await policies.forOwner(actor);
    // The limit ends with the grants of the owner, so it needs them only now.
    rights.assertHolds(
      (key.permissions ?? []).map((codename) => ({ codename, until: beforeEveryEnd })),
    );
    return apiKeys.create({ ...key, owner: { userId: user.id, serviceAccountId: null } });
  };

  const createForAccount = async (
    key: KeyFields,
    id: string,
    context: RequestContext,
  ): Promise<CreatedKey> => {
    const actor = requireAdministrator(context, changeAccount);
    const found = await query('select 1 from service_accounts where id = ? for update', [id]);
    const rights = await policies.forActor(actor, changeAccount);
    if (found.length === 0) throw new Problem('NOT_FOUND');
    rights.assertCanCreateKey({ ownerId: id, expiresAt: key.expiresAt });
    const held = await policies.grantsOfServiceAccount(id);
    const needed = [changeAccount, ...held.map(({ codename }) => codename)];
    rights.assertHolds(needed.map((codename) => ({ codename, until: key.expiresAt })));
    assertIncluded(key.permissions ?? [], held);
    return apiKeys.create({ ...key, owner: { userId: null, serviceAccountId: id } });
  };

  /** Locks the owner of a key of a user before the key, in the order of all transactions. */
  const assertCanRevoke = async (actor: Actor, key: ApiKey, context: RequestContext) => {
    if (key.userId === null) {
      assertAdministers(actor, changeAccount);
      await policies.forActor(actor, changeAccount);
      return;
    }
    if (key.userId === actorIdOf(actor)) {
      await findCredentialOwner(requireSession(context));
      return;
    }
    assertAdministers(actor, 'users.change_user');
    await deps.userPolicies.lockManagedUser(key.userId, actor, 'users.change_user');
  };

  return {
    async createApiKey(input, context) {
      requireActor(context);
      const { serviceAccountId, ...key } = parseKey(input, deps.clock());
      return transaction(() =>
        serviceAccountId === undefined
          ? createOwn(key, context)
          : createForAccount(key, serviceAccountId, context),
      );
    },

    async revokeApiKey(rawId, context) {
      const actor = requireActor(context);
      const id = parseId(rawId);
      await transaction(async () => {
        const key = id === undefined ? null : await apiKeys.findById(id);
        if (!key) throw new Problem('NOT_FOUND');
        await assertCanRevoke(actor, key, context);
        await apiKeys.revoke(key);
      });
    },

    async listApiKeys(owner, context) {
      if ('userId' in owner) {
        const isOwn = actorIdOf(requireActor(context)) === owner.userId;
        if (!isOwn) requireAdministrator(context, 'users.view_user');
        return (await apiKeys.listOf('user_id', [owner.userId])).get(owner.userId) ?? [];
      }
      requireAdministrator(context, 'users.view_service_account');
      const id = owner.serviceAccountId;
      return (await apiKeys.listOf('service_account_id', [id])).get(id) ?? [];
    },
  };
}

/** A caller without the permission gets no hint that the key exists. @throws NOT_FOUND */
function assertAdministers(actor: Actor, permission: 'users.change_user' | typeof changeAccount) {
  if (!isAdministrator(actor, permission)) throw new Problem('NOT_FOUND');
}

/** @throws FORBIDDEN for a code that none of the grants covers */
function assertIncluded(codenames: readonly string[], held: readonly TimedGrant[]): void {
  const isIncluded = codenames.every((code) =>
    held.some(({ codename }) => matchesGrant(codename, code)),
  );
  if (!isIncluded) throw new Problem('FORBIDDEN');
}

function parseKey(input: CreateApiKeyInput, now: Date) {
  const { expiresAt, permissions, ...parsed } = parseFields({
    name: () => parseGroupName(input.name),
    expiresAt: () => optional(input.expiresAt, (raw) => parseExpiry(raw, now)),
    permissions: () => optional(input.permissions, parseCodenames),
    serviceAccountId: () =>
      optional(input.serviceAccountId, (raw) => parseId(raw) ?? rejectValue('Must be an id.')),
  });
  return { ...parsed, expiresAt: expiresAt ?? null, permissions: permissions ?? null };
}

function parseExpiry(raw: unknown, now: Date): Date {
  const expiresAt = parseInstant(raw);
  return expiresAt >= secondsAfter(now, minLifetimeSeconds)
    ? expiresAt
    : rejectValue(`Must be at least ${minLifetimeSeconds} seconds in the future.`);
}

function parseCodenames(raw: unknown): readonly string[] {
  if (!Array.isArray(raw)) rejectValue('Must be a list of codes.');
  if (raw.length > maxListLength) {
    rejectValue(`Must not have more than ${maxListLength} codes.`);
  }
  return [...new Set(raw.map(parseCodename))];
}
