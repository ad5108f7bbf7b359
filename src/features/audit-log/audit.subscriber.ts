/** Every change of a user, group or permission goes into the record, whichever door it came through. */
import type { ChangeSet, EventArgs, EventSubscriber } from '@mikro-orm/core';
import { Group, Permission } from '../access/access.entities.ts';
import type { Audit } from '../audit/audit.ts';
import type { TargetType } from '../audit/entry.ts';
import { User } from '../users/user.entity.ts';

type Recorded = User | Group | Permission;

/** What changes with every login or every change, and tells nothing. */
const untold: ReadonlySet<string> = new Set(['updatedAt', 'lastLoginAt', 'searchText']);

export class AuditSubscriber implements EventSubscriber<Recorded> {
  readonly #audit: Audit;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  getSubscribedEntities() {
    return [User, Group, Permission];
  }

  async afterCreate({ entity, changeSet }: EventArgs<Recorded>): Promise<void> {
    await this.#record('created', entity, { after: told(changeSet?.payload) });
  }

  async afterUpdate({ entity, changeSet }: EventArgs<Recorded>): Promise<void> {
    const after = told(changeSet?.payload);
    if (Object.keys(after).length === 0) return;
    await this.#record('updated', entity, { before: valuesBefore(changeSet, after), after });
  }

  async afterDelete({ entity }: EventArgs<Recorded>): Promise<void> {
    await this.#record('deleted', entity, {});
  }

  async #record(verb: string, entity: Recorded, changed: { before?: object; after?: object }) {
    const type = typeOf(entity);
    await this.#audit.append({
      action: `${type}-${verb}`,
      target: { type, id: entity.id },
      ...changed,
    });
  }
}

function typeOf(entity: Recorded): TargetType {
  if (entity instanceof User) return 'user';
  return entity instanceof Group ? 'group' : 'permission';
}

function told(values: object | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => !untold.has(name)));
}

function valuesBefore(changeSet: ChangeSet<Recorded> | undefined, after: object): object {
  const before: Record<string, unknown> = { ...changeSet?.originalEntity };
  return Object.fromEntries(Object.keys(after).map((name) => [name, before[name] ?? null]));
}
