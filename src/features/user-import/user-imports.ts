/**
 * Imports the people of a file. Each batch is one transaction, which also stores the position in the file: an import
 * that ends at any moment continues there, and no person is imported twice.
 */
import type { RequestContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import { type BatchItem, readBatches } from './batches.ts';
import { emptyTally, fileNoteLine, type Reason } from './report.ts';
import type { ImportOptions, ImportRequest, ImportResult } from './request.ts';
import type { PeopleSource } from './source.ts';
import type { PersonRules } from './validation/person.ts';
import { type AccessNamesDeps, createAccessNames } from './writing/access-names.ts';
import type { ImportPosition, ImportPositions } from './writing/positions.ts';
import type { StoreBatch } from './writing/store-batch.ts';

export interface UserImports {
  /**
   * @throws VALIDATION_FAILED when another process imports the same file with the same options
   */
  importPeople(request: ImportRequest, context: RequestContext): Promise<ImportResult>;
}

export interface UserImportsDeps extends AccessNamesDeps {
  readonly unitOfWork: UnitOfWork;
  readonly audit: Pick<Audit, 'append'>;
  readonly positions: ImportPositions;
  readonly storeBatch: StoreBatch;
  readonly clock: Clock;
}

/** People of one transaction. */
const batchSize = 500;

export function createUserImports(deps: UserImportsDeps): UserImports {
  const { positions, storeBatch, audit } = deps;
  const { transaction } = deps.unitOfWork;

  /** A report that cannot be written leaves no unfinished import, which the same command would continue. */
  const begin = ({ digest, options, isDryRun, report, onOther }: ImportRequest) =>
    isDryRun
      ? beginDryRun(report)
      : transaction(async () => {
          const begun = await positions.begin(digest, JSON.stringify(options));
          if (!begun.isContinued)
            for (const other of await positions.others(begun.id, digest)) onOther(other);
          await report.resumeAt(begun.position, begun.isContinued);
          return begun;
        });

  const finish = (
    last: ImportPosition,
    { options, digest, report }: ImportRequest,
    { created, notes }: Pick<ImportResult, 'created' | 'notes'>,
  ) =>
    transaction(async () => {
      await positions.lock(last);
      await report.write(notes.map(fileNoteLine));
      await positions.finish(last);
      const after = {
        sha256: digest.toString('hex'),
        ...options,
        ...last.tally.counts,
        ...created,
      };
      await audit.append({ action: 'users-imported', after });
    });

  return {
    async importPeople(request, context) {
      const { source, unit, options, isDryRun, report, signal } = request;
      const begun = await begin(request);
      const resumedAt = begun.position;
      if (resumedAt > 0) request.onResume(resumedAt);
      const access = createAccessNames(deps, context, isDryRun);
      await access.define(source);
      const rules = rulesOf(options, deps.clock());
      let current: ImportPosition = begun;
      const store = async (items: readonly BatchItem[]) => {
        await request.assertUnchanged();
        current = await storeBatch(items, { request, access, current });
        request.onProgress({ tally: current.tally, resumedAt });
      };
      const isComplete = await inTurn(
        readBatches(source, { unit, rules, position: resumedAt, size: batchSize }),
        store,
        signal,
      );
      const notes = [...summaryOf(source), ...access.notes()];
      if (isComplete) {
        await request.assertUnchanged();
        if (isDryRun) await report.write(notes.map(fileNoteLine));
        else await finish(current, request, { created: access.created(), notes });
        report.keep();
      }
      return {
        tally: current.tally,
        resumedAt,
        isFinished: isComplete,
        readNow: current.tally.counts.read - begun.tally.counts.read,
        position: current.position,
        created: access.created(),
        notes,
      };
    },
  };
}

async function beginDryRun(report: ImportRequest['report']): Promise<ImportPosition> {
  await report.resumeAt(0, false);
  return { id: '', position: 0, tally: emptyTally };
}

/** Our own formats, in which the operator can correct metadata. */
const ownFormats: ReadonlySet<string> = new Set(['jsonl', 'csv']);

function rulesOf({ allowWeakHashes, format }: ImportOptions, now: Date): PersonRules {
  return { now, allowWeakHashes, isPartialMetadata: !ownFormats.has(format) };
}

/** Stores a batch while the next one is read. Returns whether all batches are stored. */
async function inTurn(
  batches: AsyncIterable<readonly BatchItem[]>,
  store: (items: readonly BatchItem[]) => Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  let last: Promise<void> = Promise.resolve();
  for await (const batch of batches) {
    await last;
    if (signal.aborted) return false;
    last = store(batch);
    last.catch(() => undefined); // awaited above or below
  }
  await last;
  return true;
}

function summaryOf({ summary = [] }: PeopleSource): readonly Reason[] {
  return summary.map(({ field, message, remedy }) => ({
    field,
    reason: message,
    remedy: remedy ?? null,
  }));
}
