/** Starts the chains of the audit log with a signed entry each, when a migration creates or upgrades them. */
import { v7 as uuidv7 } from 'uuid';
import { deriveKey } from '../../crypto/keys.ts';
import { seal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import { logSecurityEvent } from '../../observability/security-log.ts';
import { createChains } from './chains.ts';
import { chainCount, chainStart, nilId, type UnchainedEntry } from './entry.ts';
import { createSubjectKeys } from './subject-keys.ts';

interface DatabaseState {
  /** The time of the transaction. All first entries have it. */
  readonly now: Date;
  /** Whether users exist without any entry. Every user was created with an entry, so entries were removed. */
  readonly is_emptied: boolean;
  /** The numbers of chains with entries. */
  readonly used: readonly number[];
}

const stateSql = `
  select now() as now,
    exists (select 1 from users) and not exists (select 1 from audit_entries) as is_emptied,
    array(
      select chain from generate_series(1, ${chainCount}) chain
      where exists (select 1 from audit_entries e where e.chain = chain.chain)
    ) as used`;

/**
 * Appends the start entry to every chain, after the entries of a chain in use. Needs the transaction of the
 * migration. After an end that is not signed with the current key, the entry has a broken link, so that earlier
 * removals stay visible.
 */
export async function startAuditChains(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly secretKey: string;
}): Promise<void> {
  const { unitOfWork, log, secretKey } = deps;
  const chains = createChains({ unitOfWork, log, key: deriveKey(secretKey, 'audit-chain') });
  const [state] = await unitOfWork.query<DatabaseState>(stateSql);
  if (!state) throw new Error('the query for the state of the chains returned no row');
  const at = state.now;
  const used = new Set(state.used);
  const key = await createSubjectKeys(unitOfWork.query, secretKey).create(nilId);
  for (let chain = 1; chain <= chainCount; chain += 1) {
    const end = await chains.lockNumber(chain, { subjectId: nilId, clientKeyId: nilId });
    if (!end) continue; // the row was removed; a verification reports it
    const isNew = end.sequence === '0' && end.mac.length === 0 && !used.has(chain);
    await chains.append(end, [startEntry(at, key)], isNew ? { isBroken: state.is_emptied } : {});
  }
  unitOfWork.afterCommit(() =>
    logSecurityEvent(log, { event: chainStart, outcome: 'done', at: at.toISOString() }),
  );
}

function startEntry(at: Date, key: Buffer): UnchainedEntry {
  const id = uuidv7();
  return {
    id,
    at,
    action: chainStart,
    outcome: 'done',
    code: null,
    actor_kind: 'system',
    actor_id: null,
    target_type: null,
    target_id: null,
    request_id: null,
    subject_id: nilId,
    details: seal(key, id, Buffer.from('{}')),
    client: null,
  };
}
