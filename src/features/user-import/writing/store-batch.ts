/**
 * Stores one batch of people in one transaction. A batch with a row that the database rejects is divided until only
 * the person with this row is refused.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../core/time.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import type { Audit } from '../../audit/audit.ts';
import type { Addresses } from '../../registrations/addresses.ts';
import type { Users } from '../../users/users.ts';
import type { BatchItem } from '../batches.ts';
import { lineOf, type Plan, type PlanPeople } from '../plan.ts';
import type { ImportRequest } from '../request.ts';
import type { ImportedPerson } from '../validation/person.ts';
import type { AccessIds, AccessNames } from './access-names.ts';
import { type Changes, resultOf } from './batch-result.ts';
import type { ComparePeople } from './compare-people.ts';
import type { InsertPeople } from './insert-people.ts';
import type { ProtectLastSuperuser } from './last-superuser.ts';
import { OutdatedPlan } from './link-people.ts';
import type { ImportPosition, ImportPositions } from './positions.ts';
import type { UpdatePeople } from './update-people.ts';
import type { ReuseWrappedHashes, WrapWeakHashes } from './weak-hashes.ts';

export interface BatchContext {
  readonly request: Pick<ImportRequest, 'options' | 'isDryRun' | 'report'>;
  readonly access: AccessNames;
  readonly current: ImportPosition;
}

/** Returns the position after the batch. */
export type StoreBatch = (
  items: readonly BatchItem[],
  context: BatchContext,
) => Promise<ImportPosition>;

export interface StoreBatchDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'appendMany'>;
  readonly users: Pick<Users, 'lockIdentifiers'>;
  readonly addresses: Pick<Addresses, 'releaseAll'>;
  readonly positions: ImportPositions;
  readonly planPeople: PlanPeople;
  readonly insertPeople: InsertPeople;
  readonly comparePeople: ComparePeople;
  readonly protectLastSuperuser: ProtectLastSuperuser;
  readonly updatePeople: UpdatePeople;
  readonly wrapWeakHashes: WrapWeakHashes;
  readonly reuseWrappedHashes: ReuseWrappedHashes;
}

const maxAttempts = 5;
const retryDelayMs = 200;

export function createStoreBatch(deps: StoreBatchDeps): StoreBatch {
  const { unitOfWork, positions, planPeople, insertPeople, users, addresses, audit } = deps;
  const { comparePeople, protectLastSuperuser, updatePeople, wrapWeakHashes } = deps;

  /** What the updates of a plan change. */
  const findChanges = async (plan: Plan, ids: AccessIds, isLocking: boolean): Promise<Changes> => {
    const compared = await comparePeople(plan.updates, ids, { isLocking });
    const { changes, lines } = await protectLastSuperuser(compared.changes, isLocking);
    return { changes, unchanged: compared.unchanged, lines };
  };

  const check = async (
    items: readonly BatchItem[],
    { current }: BatchContext,
    { plan, ids }: { readonly plan: Plan; readonly ids: AccessIds },
  ) => resultOf(current, items, plan, await findChanges(plan, ids, false));

  const write = async (
    items: readonly BatchItem[],
    { request, current }: BatchContext,
    { people, ids }: { readonly people: readonly ImportedPerson[]; readonly ids: AccessIds },
  ) => {
    await positions.lock(current);
    await users.lockIdentifiers({
      emails: people.map(({ email }) => email),
      usernames: people.flatMap(({ username }) => username ?? []),
      externalIds: people.flatMap(({ externalId }) => externalId ?? []),
    });
    const plan = await planPeople(people, request.options.onConflict);
    if (peopleOf(plan).some(({ password }) => password?.isWeak)) {
      throw new OutdatedPlan('an account of the batch was erased in the meantime');
    }
    const created = await insertPeople(plan.creations, ids, deps.clock());
    await addresses.releaseAll(plan.creations.map(({ email }) => email));
    const changes = await findChanges(plan, ids, true);
    const updated = await updatePeople(changes.changes, deps.clock());
    const result = resultOf(current, items, plan, changes);
    await request.report.write(result.lines);
    await positions.advance(result.position);
    await audit.appendMany([...created, ...updated]);
    return result;
  };

  const storeOnce = async (
    items: readonly BatchItem[],
    context: BatchContext,
  ): Promise<ImportPosition> => {
    const { request, access } = context;
    const valid = items.flatMap((item) => ('person' in item ? [item.person] : []));
    const isUpdate = request.options.onConflict === 'update';
    const people = isUpdate ? await deps.reuseWrappedHashes(valid) : valid;
    const plan = await planPeople(people, request.options.onConflict);
    const planned = peopleOf(plan);
    const ids = await access.idsOf(planned);
    if (request.isDryRun) {
      const { lines, position } = await check(items, context, { plan, ids });
      await request.report.write(lines);
      request.report.keep();
      return position;
    }
    const wrapped = await wrapWeakHashes(people, new Set(planned.map((person) => person.position)));
    const { position } = await unitOfWork.transaction(() =>
      write(items, context, { people: wrapped, ids }),
    );
    request.report.keep();
    return position;
  };

  const store = async (
    items: readonly BatchItem[],
    context: BatchContext,
    attempt = 1,
  ): Promise<ImportPosition> => {
    try {
      return await storeOnce(items, context);
    } catch (error) {
      context.access.forget();
      const code = sqlStateOf(error);
      if ((isTemporary(code) || error instanceof OutdatedPlan) && attempt < maxAttempts) {
        await sleep(attempt * retryDelayMs);
        return store(items, context, attempt + 1);
      }
      if (!isRejection(code)) throw error;
      return storeParts(items, context, code);
    }
  };

  const storeParts = async (
    items: readonly BatchItem[],
    context: BatchContext,
    code: string,
  ): Promise<ImportPosition> => {
    const [only] = items;
    if (items.length === 1 && only) {
      if (!('person' in only)) throw new Error('the database rejected a batch without people');
      const reason = `The database rejects this account (${code}).`;
      const line = lineOf(only.person, 'refused', { field: null, reason, remedy: null });
      return store([{ position: only.position, line }], context);
    }
    const middle = Math.ceil(items.length / 2);
    const current = await store(items.slice(0, middle), context);
    return store(items.slice(middle), { ...context, current });
  };

  return store;
}

function peopleOf({ creations, updates }: Plan): readonly ImportedPerson[] {
  return [...creations, ...updates.map(({ person }) => person)];
}

function sqlStateOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** A conflict with another transaction: serialization failure, deadlock, lock timeout. */
function isTemporary(code: string): boolean {
  return ['40001', '40P01', '55P03'].includes(code);
}

/**
 * A value that the database rejects: a data exception, the violation of a constraint, or two rows for one account in one
 * statement (21000).
 */
function isRejection(code: string): boolean {
  return /^2[123]/.test(code);
}
