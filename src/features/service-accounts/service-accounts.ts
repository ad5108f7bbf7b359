/** The operations of administrators that read, create, change and delete service accounts. */
import { LockMode } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';
import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseBoolean,
  parseDescription,
  parseFields,
  parseGroupName,
  parseId,
  parseIds,
} from '../../core/parse.ts';
import { actorIdOf, type RequestContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { type Connection, connect } from '../../database/pagination/connection.ts';
import type { PageInput, PageOrder } from '../../database/pagination/paginate.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Grants } from '../administration/grants/grants.ts';
import { assertSomeField } from '../administration/input.ts';
import {
  type ActorPolicies,
  type ActorRights,
  requireAdministrator,
} from '../administration/policies.ts';
import { clientIdOf } from './client-id.ts';
import { ServiceAccount } from './service-account.entity.ts';

/** Unparsed input. A field that is left out does not change. */
export interface ServiceAccountInput {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly isActive?: unknown;
  readonly groupIds?: unknown;
  readonly permissionIds?: unknown;
}

export interface ServiceAccountAdministration {
  /** @throws FORBIDDEN, PROTECTED for the group Root, VALIDATION_FAILED */
  createServiceAccount(
    input: Omit<ServiceAccountInput, 'isActive'>,
    context: RequestContext,
  ): Promise<ServiceAccount>;
  /**
   * A disabled account cannot use its keys. To enable it, the actor must hold all its grants without an end. No
   * service account changes itself.
   *
   * @throws FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED
   */
  updateServiceAccount(
    id: unknown,
    input: ServiceAccountInput,
    context: RequestContext,
  ): Promise<ServiceAccount>;
  /** Deletes the account and its keys. No service account deletes itself. @throws FORBIDDEN, NOT_FOUND */
  deleteServiceAccount(id: unknown, context: RequestContext): Promise<void>;
}

export interface ServiceAccountDirectory {
  /** @throws FORBIDDEN */
  serviceAccount(id: unknown, context: RequestContext): Promise<ServiceAccount | null>;
  /** By name. @throws FORBIDDEN, VALIDATION_FAILED */
  serviceAccounts(page: PageInput, context: RequestContext): Promise<Connection<ServiceAccount>>;
  /** The id of the only account with this id, client id or name. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  serviceAccountId(name: unknown, context: RequestContext): Promise<string>;
}

type Deps = {
  readonly unitOfWork: UnitOfWork;
  readonly grants: Pick<Grants, 'setServiceAccountGrants'>;
  readonly policies: Pick<ActorPolicies, 'forActor' | 'grantsOfServiceAccount'>;
  readonly clock: Clock;
};

const byName: PageOrder = { column: 'name', cast: 'text', isDescending: false };

export function createServiceAccountAdministration(deps: Deps): ServiceAccountAdministration {
  const { grants, policies } = deps;
  const { em, transaction } = deps.unitOfWork;

  const lockAccount = async (rawId: unknown): Promise<ServiceAccount> => {
    const account = await findAccount(em, rawId, LockMode.PESSIMISTIC_WRITE);
    if (!account) throw new Problem('NOT_FOUND');
    return account;
  };

  const applyActive = async (
    rights: ActorRights,
    account: ServiceAccount,
    isActive: boolean | undefined,
  ) => {
    if (isActive === undefined || isActive === (account.disabledAt === null)) return;
    if (isActive) rights.assertHolds(await policies.grantsOfServiceAccount(account.id));
    account.disabledAt = isActive ? null : deps.clock();
  };

  return {
    async createServiceAccount(input, context) {
      const actor = requireAdministrator(context, 'users.add_service_account');
      const { name, description, ...wanted } = parseFields({
        ...fieldsOf(input),
        name: () => parseGroupName(input.name),
      });
      return transaction(async () => {
        const rights = await policies.forActor(actor, 'users.add_service_account');
        const id = uuidv7();
        const account = em.create(ServiceAccount, {
          id,
          clientId: clientIdOf(id),
          name,
          description: description ?? '',
          disabledAt: null,
          lastUsedAt: null,
        });
        await em.persist(account).flush();
        await grants.setServiceAccountGrants(rights, account.id, wanted);
        return account;
      });
    },

    async updateServiceAccount(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_service_account');
      assertSomeField(input);
      const { name, description, isActive, ...wanted } = parseFields({
        ...fieldsOf(input),
        name: () => optional(input.name, parseGroupName),
        isActive: () => optional(input.isActive, parseBoolean),
      });
      return transaction(async () => {
        const rights = await policies.forActor(actor, 'users.change_service_account');
        const account = await lockAccount(id);
        rights.assertNotSelf(account.id);
        account.name = name ?? account.name;
        account.description = description ?? account.description;
        await grants.setServiceAccountGrants(rights, account.id, wanted);
        await applyActive(rights, account, isActive);
        return account;
      });
    },

    async deleteServiceAccount(id, context) {
      const actor = requireAdministrator(context, 'users.delete_service_account');
      await transaction(async () => {
        const rights = await policies.forActor(actor, 'users.delete_service_account');
        const account = await lockAccount(id);
        if (account.id === actorIdOf(actor)) rights.assertNotSelf(account.id);
        em.remove(account);
      });
    },
  };
}

function fieldsOf(input: ServiceAccountInput) {
  return {
    description: () => optional(input.description, parseDescription),
    groupIds: () => optional(input.groupIds, parseIds),
    permissionIds: () => optional(input.permissionIds, parseIds),
  };
}

export function createServiceAccountDirectory({
  em,
  query,
}: Pick<UnitOfWork, 'em' | 'query'>): ServiceAccountDirectory {
  return {
    async serviceAccount(rawId, context) {
      requireAdministrator(context, 'users.view_service_account');
      return findAccount(em, rawId);
    },

    async serviceAccounts(page, context) {
      requireAdministrator(context, 'users.view_service_account');
      const load = (ids: string[]) => em.find(ServiceAccount, { id: ids });
      const source = { from: 'service_accounts t', conditions: [], parameters: [] };
      return connect(query, source, { order: byName, page, load });
    },

    async serviceAccountId(rawName, context) {
      requireAdministrator(context, 'users.view_service_account');
      const { serviceAccount: name } = parseFields({
        serviceAccount: () => parseGroupName(rawName),
      });
      const rows = await query<{ id: string }>(
        `select id from service_accounts
         where id = ?::uuid or client_id = ? or name = ? order by id limit 10`,
        [parseId(name) ?? null, name, name],
      );
      const [found, ...others] = rows;
      if (!found) throw notFound('There is no such service account.');
      if (others.length === 0) return found.id;
      const ids = rows.map(({ id }) => id).join(', ');
      const message = `Several service accounts have this name; give the id of one: ${ids}.`;
      throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'serviceAccount', message }] });
    },
  };
}

function notFound(message: string): Problem {
  return new Problem('NOT_FOUND', { fields: [{ path: 'serviceAccount', message }] });
}

async function findAccount(
  em: UnitOfWork['em'],
  rawId: unknown,
  lockMode: LockMode = LockMode.NONE,
): Promise<ServiceAccount | null> {
  const id = parseId(rawId);
  return id === undefined ? null : em.findOne(ServiceAccount, { id }, { lockMode });
}
