/**
 * Stores one batch of people in one transaction. A batch with a row that the database rejects is divided until only
 * the person with this row is refused.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { Users } from '../users/users.ts';
import type { AccessNames } from './access-names.ts';
import type { BatchItem } from './batches.ts';
import type { InsertPeople } from './insert-people.ts';
import { lineOf, type Plan, type PlanPeople } from './plan.ts';
import type { ImportPosition, ImportPositions } from './positions.ts';
import { addToTally, type ImportCounts, type ReportLine } from './report.ts';
import type { ImportRequest } from './request.ts';

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
}

const maxAttempts = 5;
const retryDelayMs = 200;

export function createStoreBatch(deps: StoreBatchDeps): StoreBatch {
  const { unitOfWork, positions, planPeople, insertPeople, users, addresses, audit } = deps;

  const storeOnce = async (
    items: readonly BatchItem[],
    { request, access, current }: BatchContext,
  ): Promise<ImportPosition> => {
    const people = items.flatMap((item) => ('person' in item ? [item.person] : []));
    const { onConflict } = request.options;
    const expected = await planPeople(people, onConflict);
    const ids = await access.idsOf([
      ...expected.creations,
      ...expected.updates.map(({ person }) => person),
    ]);
    if (request.isDryRun) {
      const next = positionAfter(current, items, expected);
      await request.report.write(next.lines);
      request.report.keep();
      return next.position;
    }
    const stored = await unitOfWork.transaction(async () => {
      await positions.lock(current);
      await users.lockIdentifiers(
        people.map(({ email }) => email),
        people.flatMap(({ username }) => username ?? []),
      );
      const plan = await planPeople(people, onConflict);
      const entries = await insertPeople(plan.creations, ids, deps.clock());
      await addresses.releaseAll(plan.creations.map(({ email }) => email));
      const next = positionAfter(current, items, plan);
      await request.report.write(next.lines);
      await positions.advance(next.position);
      await audit.appendMany(entries);
      return next.position;
    });
    request.report.keep();
    return stored;
  };

  const store = async (
    items: readonly BatchItem[],
    context: BatchContext,
    attempt = 1,
  ): Promise<ImportPosition> => {
    try {
      return await storeOnce(items, context);
    } catch (error) {
      await context.request.report.discard();
      context.access.forget();
      const code = sqlStateOf(error);
      if (isTemporary(code) && attempt < maxAttempts) {
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

function positionAfter(current: ImportPosition, items: readonly BatchItem[], plan: Plan) {
  const refused = items.flatMap((item) => ('line' in item ? [item.line] : []));
  const written = [...plan.creations, ...plan.updates.map(({ person }) => person)];
  const changed = written.flatMap((person) =>
    person.notes.map((note) => lineOf(person, 'changed', note)),
  );
  const lines = [...refused, ...plan.lines, ...changed].sort((one, other) => one.line - other.line);
  const count = (outcome: ReportLine['outcome']) =>
    [...refused, ...plan.lines].filter((line) => line.outcome === outcome).length;
  const counts: Partial<ImportCounts> = {
    read: items.length,
    created: plan.creations.length,
    updated: plan.updates.length,
    refused: count('refused'),
    skipped: count('skipped'),
    changed: written.filter(({ notes }) => notes.length > 0).length,
    withoutPassword: plan.creations.filter(({ password }) => password === undefined).length,
    staff: plan.creations.filter(({ isStaff }) => isStaff === true).length,
    superusers: plan.creations.filter(({ isSuperuser }) => isSuperuser === true).length,
  };
  const position = items.at(-1)?.position ?? current.position;
  const tally = addToTally(current.tally, counts, lines);
  return { lines, position: { ...current, position, tally } };
}

function sqlStateOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** A conflict with another transaction: serialization failure, deadlock, lock timeout. */
function isTemporary(code: string): boolean {
  return ['40001', '40P01', '55P03'].includes(code);
}

/** A value that the database rejects: a data exception, or the violation of a constraint. */
function isRejection(code: string): boolean {
  return /^2[23]/.test(code);
}
