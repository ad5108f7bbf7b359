/**
 * Writes the signed first entries of the audit chains, once, when the database is migrated. An attacker
 * with rights on the database cannot write them, so a chain that was emptied later has none.
 */
import { v7 as uuidv7 } from 'uuid';
import { tellEvent } from '../../core/events.ts';
import { deriveKey } from '../../core/keys.ts';
import type { Log } from '../../core/log.ts';
import { seal } from '../../core/sealed-box.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { chainCount, createChains } from './chains.ts';
import { chainStart, nobodyId, type UnplacedEntry } from './entry.ts';
import { createSubjectKeys } from './subject-keys.ts';

interface FoundRow {
  /** Time of the transaction, the same in all first entries. */
  readonly now: string;
  /** Whether there are users, none of whom could be created without an entry, and no entry. */
  readonly is_emptied: boolean;
  /** Numbers of chains that hold entries already, separated by spaces. */
  readonly used: string;
}

const foundSql = `
  select now()::text as now,
    exists (select 1 from users) and not exists (select 1 from audit_entries) as is_emptied,
    coalesce((
      select string_agg(chain::text, ' ') from generate_series(1, ${chainCount}) chain
      where exists (select 1 from audit_entries e where e.chain = chain.chain)
    ), '') as used`;

/**
 * Adds a first entry to every chain; a chain in use keeps its entries and gets it behind them. Needs the
 * transaction of the migration. An end that our key did not sign is continued as a broken one, so that
 * removals from before the migration stay visible.
 */
export async function startAuditChains(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly secretKey: string;
}): Promise<void> {
  const { unitOfWork, log, secretKey } = deps;
  const chains = createChains({ unitOfWork, log, key: deriveKey(secretKey, 'audit-chain') });
  const [found] = await unitOfWork.query<FoundRow>(foundSql);
  if (!found) throw new Error('the database does not answer');
  const at = new Date(found.now).toISOString();
  const used = new Set(found.used.split(' ').map(Number));
  const key = await createSubjectKeys(unitOfWork.query, secretKey).make(nobodyId);
  for (let chain = 1; chain <= chainCount; chain += 1) {
    const end = await chains.lockNumber(chain, { subjectId: nobodyId, clientKeyId: nobodyId });
    if (!end) continue; // removed already; a verification reports it
    const isNew = end.sequence === '0' && end.mac.length === 0 && !used.has(chain);
    await chains.append(end, startOf(at, key), isNew ? { isBroken: found.is_emptied } : {});
  }
  unitOfWork.afterCommit(() => tellEvent(log, { event: chainStart, outcome: 'done', at }));
}

function startOf(at: string, key: Buffer): UnplacedEntry {
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
    subject_id: nobodyId,
    details: seal(key, id, Buffer.from('{}')),
    client: null,
  };
}
