/** Appends every change of a user, a service account, a group or a permission to the audit log, from every interface. */
import type { ChangeSet, EventArgs, EventSubscriber } from '@mikro-orm/core';
import { Group, Permission } from '../access/access.entities.ts';
import type { Audit } from '../audit/audit.ts';
import type { TargetType } from '../audit/entry.ts';
import { ServiceAccount } from '../service-accounts/service-account.entity.ts';
import { User } from '../users/user.entity.ts';

type AuditedEntity = User | Group | Permission | ServiceAccount;

/** Properties without information: every login or every change sets them. */
const ignoredProperties: ReadonlySet<string> = new Set([
  'updatedAt',
  'lastLoginAt',
  'lastUsedAt',
  'searchText',
]);

/** Properties that a change set has as JSON text. */
const jsonProperties: ReadonlySet<string> = new Set(['metadata']);

export class AuditSubscriber implements EventSubscriber<AuditedEntity> {
  readonly #audit: Audit;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  getSubscribedEntities() {
    return [User, Group, Permission, ServiceAccount];
  }

  async afterCreate({ entity, changeSet }: EventArgs<AuditedEntity>): Promise<void> {
    await this.#append('created', entity, { after: auditedValues(changeSet?.payload) });
  }

  async afterUpdate({ entity, changeSet }: EventArgs<AuditedEntity>): Promise<void> {
    const after = auditedValues(changeSet?.payload);
    if (Object.keys(after).length === 0) return;
    await this.#append('updated', entity, { before: valuesBefore(changeSet, after), after });
  }

  async afterDelete({ entity }: EventArgs<AuditedEntity>): Promise<void> {
    await this.#append(entity instanceof User ? 'erased' : 'deleted', entity, {});
  }

  async #append(verb: string, entity: AuditedEntity, changed: { before?: object; after?: object }) {
    const type = typeOf(entity);
    await this.#audit.append({
      action: `${type}-${verb}`,
      target: { type, id: entity.id },
      ...changed,
    });
  }
}

function typeOf(entity: AuditedEntity): TargetType {
  if (entity instanceof User) return 'user';
  if (entity instanceof ServiceAccount) return 'service-account';
  return entity instanceof Group ? 'group' : 'permission';
}

function auditedValues(values: object | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values ?? {})
      .filter(([name]) => !ignoredProperties.has(name))
      .map(([name, value]) => [name, auditedValue(name, value)]),
  );
}

function auditedValue(name: string, value: unknown): unknown {
  return jsonProperties.has(name) && typeof value === 'string' ? JSON.parse(value) : value;
}

function valuesBefore(changeSet: ChangeSet<AuditedEntity> | undefined, after: object): object {
  const before: Record<string, unknown> = { ...changeSet?.originalEntity };
  return Object.fromEntries(
    Object.keys(after).map((name) => [name, auditedValue(name, before[name] ?? null)]),
  );
}
