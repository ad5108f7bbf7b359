/** Wires the types whose objects `node` finds. A new type is one more source. */
import type { Actor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { Group, Permission } from '../access/access.entities.ts';
import { type AdministrativePermission, isAdministrator } from '../administration/policies.ts';
import { ApiKey } from '../api-keys/api-key.entity.ts';
import { Registration } from '../registrations/registration.entity.ts';
import { ServiceAccount } from '../service-accounts/service-account.entity.ts';
import { Session } from '../sessions/session.entity.ts';
import { User } from '../users/user.entity.ts';
import { createNodes, type NodeSource, type Nodes, type Visibility } from './nodes.ts';

export interface NodesModuleDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'em' | 'query'>;
  readonly clock: Clock;
}

export function createNodesModule({ unitOfWork, clock }: NodesModuleDeps): {
  readonly nodes: Nodes;
} {
  const { em } = unitOfWork;
  const sources: readonly NodeSource[] = [
    {
      type: 'User',
      table: 'users',
      visibleTo: (actor) => allFor('users.view_user')(actor) ?? ownUser(actor),
      load: (ids) => em.find(User, { id: ids }),
    },
    {
      type: 'Group',
      table: 'groups',
      visibleTo: allFor('users.view_group'),
      load: (ids) => em.find(Group, { id: ids }),
    },
    {
      type: 'Permission',
      table: 'permissions',
      visibleTo: allFor('users.view_permission'),
      load: (ids) => em.find(Permission, { id: ids }),
    },
    {
      type: 'Registration',
      table: 'registrations',
      visibleTo: allFor('users.view_user'),
      load: (ids) => em.find(Registration, { id: ids }),
    },
    {
      type: 'Session',
      table: 'sessions',
      visibleTo: (actor) => ownSessions(actor, clock()),
      load: (ids) => em.find(Session, { id: ids }),
    },
    {
      type: 'ServiceAccount',
      table: 'service_accounts',
      visibleTo: allFor('users.view_service_account'),
      load: (ids) => em.find(ServiceAccount, { id: ids }),
    },
    {
      type: 'ApiKey',
      table: 'api_keys',
      visibleTo: listedKeys,
      load: (ids) => em.find(ApiKey, { id: ids }),
    },
  ];
  return { nodes: createNodes(unitOfWork, sources) };
}

const everything: Visibility = { condition: 'true', parameters: [] };

function allFor(permission: AdministrativePermission): NodeSource['visibleTo'] {
  return (actor) => (isAdministrator(actor, permission) ? everything : undefined);
}

function ownUser(actor: Actor): Visibility | undefined {
  return actor.kind === 'user' ? { condition: 't.id = ?', parameters: [actor.user.id] } : undefined;
}

/** The API keys that `User.apiKeys` and `ServiceAccount.apiKeys` list. */
function listedKeys(actor: Actor): Visibility | undefined {
  const ofUsers = isAdministrator(actor, 'users.view_user');
  const ofServiceAccounts = isAdministrator(actor, 'users.view_service_account');
  const ownId = actor.kind === 'user' ? actor.user.id : null;
  if (!ofUsers && !ofServiceAccounts && ownId === null) return undefined;
  return {
    condition: `t.revoked_at is null and (
      t.user_id = ?::uuid or (t.user_id is not null and ?) or (t.service_account_id is not null and ?))`,
    parameters: [ownId, ofUsers, ofServiceAccounts],
  };
}

/** The sessions that `User.sessions` lists. */
function ownSessions(actor: Actor, now: Date): Visibility | undefined {
  if (actor.kind !== 'user') return undefined;
  return {
    condition: 't.user_id = ? and t.ended_at is null and t.expires_at > ?',
    parameters: [actor.user.id, now],
  };
}
