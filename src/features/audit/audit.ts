/**
 * The record of who did what. An entry is written in the transaction of what it tells of, and bound
 * by an HMAC to the one before it. There are sixteen chains: a writer takes one that nobody holds, so
 * that writers do not queue behind one lock.
 */
import { v7 as uuidv7 } from 'uuid';
import type { Context } from '../../core/actor.ts';
import { currentContext } from '../../core/ambient.ts';
import type { Clock } from '../../core/clock.ts';
import type { ProblemCode } from '../../core/errors.ts';
import { type SecurityEvent, tellEvent } from '../../core/events.ts';
import { deriveKey } from '../../core/keys.ts';
import type { Log } from '../../core/log.ts';
import { seal } from '../../core/sealed-box.ts';
import { withTheNext } from '../../db/held-back.ts';
import { prepared } from '../../db/prepared.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import {
  type ActorKind,
  type EntryDetails,
  type EntryRow,
  headMacOf,
  macOf,
  type TargetType,
} from './entry.ts';
import { createSubjectKeys, type SubjectKeys } from './subject-keys.ts';

export interface NewEntry {
  /** What was done, such as `user-updated`. */
  readonly action: string;
  readonly target?: { readonly type: TargetType; readonly id: string };
  /** Who did it, when that is not who is asking: somebody who has just logged in. */
  readonly actorId?: string;
  /** Of what was changed, without secrets. */
  readonly before?: object;
  readonly after?: object;
  /** Why it was refused, if it was. */
  readonly refusal?: ProblemCode;
}

export interface Audit {
  /** Adds an entry, told in the log too when it is there to stay. Needs a transaction, but for what is only told of. */
  record(entry: NewEntry): Promise<void>;
  readonly subjectKeys: SubjectKeys;
}

export interface AuditParts {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly secretKey: string;
  readonly clock: Clock;
}

/** The end of a chain, and the key of who the entry is about, if there is one yet. */
interface PlaceRow {
  readonly chain: number;
  readonly sequence: string;
  readonly mac: Buffer;
  readonly sealed_key: Buffer | null;
}

/** The nil id: the operator's, who has no account, and that of nobody in particular. */
export const operatorId = '00000000-0000-0000-0000-000000000000';
const nobodyId = operatorId;

const placeSql = `
  select chain, sequence::text, mac,
    (select sealed_key from audit_subject_keys where subject_id = ?) as sealed_key
  from audit_chains order by random() limit 1 for update of audit_chains`;
const freePlaceSql = prepared(`${placeSql} skip locked`);

const columns = [
  'id',
  'chain',
  'sequence',
  'at',
  'action',
  'outcome',
  'code',
  'actor_kind',
  'actor_id',
  'target_type',
  'target_id',
  'request_id',
  'subject_id',
  'details',
  'previous_mac',
  'mac',
] as const satisfies readonly (keyof EntryRow)[];
const appendSql = withTheNext(
  prepared(`
  with entry as (
    insert into audit_entries (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})
  )
  update audit_chains set sequence = ?, mac = ?, head_mac = ? where chain = ?`),
);

export function createAudit({ unitOfWork, log, secretKey, clock }: AuditParts): Audit {
  const { query, run, afterCommit } = unitOfWork;
  const key = deriveKey(secretKey, 'audit-chain');
  const subjectKeys = createSubjectKeys(query, secretKey);

  const takePlace = async (subjectId: string): Promise<PlaceRow> => {
    const [place] = await query<PlaceRow>(freePlaceSql, [subjectId]);
    const [waitedFor] = place ? [place] : await query<PlaceRow>(placeSql, [subjectId]);
    if (!waitedFor) throw new Error('the audit record has no chain');
    return waitedFor;
  };

  const append = async (entry: NewEntry): Promise<void> => {
    const context = currentContext();
    const actor = actorOf(entry, context);
    const id = uuidv7();
    const target = entry.target ?? null;
    // Somebody unknown has a key too: equal work for a failed login, whoever it was meant for.
    const subjectId = (target?.type === 'user' ? target.id : actor.id) ?? nobodyId;
    const { chain, sequence, mac: previousMac, sealed_key: sealedKey } = await takePlace(subjectId);
    const subjectKey =
      sealedKey === null
        ? await subjectKeys.make(subjectId)
        : subjectKeys.open(subjectId, sealedKey);
    const details = Buffer.from(JSON.stringify(detailsOf(entry, context)));
    const unbound = {
      id,
      chain,
      sequence: String(BigInt(sequence) + 1n),
      at: clock().toISOString(),
      action: entry.action,
      outcome: entry.refusal === undefined ? ('done' as const) : ('refused' as const),
      code: entry.refusal ?? null,
      actor_kind: actor.kind,
      actor_id: actor.id,
      target_type: target?.type ?? null,
      target_id: target?.id ?? null,
      request_id: context?.client.requestId ?? null,
      subject_id: subjectId,
      details: seal(subjectKey, id, details),
      previous_mac: previousMac,
    };
    const mac = macOf(key, unbound);
    const row = { ...unbound, mac };
    await query(appendSql, [
      ...columns.map((column) => row[column]),
      row.sequence,
      mac,
      headMacOf(key, row.chain, row.sequence, mac),
      row.chain,
    ]);
    afterCommit(() => tellEvent(log, eventOf(row)));
  };

  return { record: (entry) => run(() => append(entry)), subjectKeys };
}

/** What of an entry stands in the log; its details are sealed, and stay so. */
function eventOf(row: EntryRow): SecurityEvent {
  return {
    event: row.action,
    outcome: row.outcome,
    code: row.code ?? undefined,
    actorKind: row.actor_kind,
    actorId: row.actor_id ?? undefined,
    targetType: row.target_type ?? undefined,
    targetId: row.target_id ?? undefined,
  };
}

function actorOf(
  { actorId }: NewEntry,
  context: Context | undefined,
): { readonly kind: ActorKind; readonly id: string | null } {
  const id = actorId ?? context?.actor?.person.id;
  if (id === operatorId) return { kind: 'operator', id: null };
  if (id !== undefined) return { kind: 'user', id };
  return { kind: context ? 'anonymous' : 'system', id: null };
}

function detailsOf({ before, after }: NewEntry, context: Context | undefined): EntryDetails {
  return {
    ...(context?.client.ipAddress ? { ipAddress: context.client.ipAddress } : {}),
    ...(context?.client.userAgent ? { userAgent: context.client.userAgent.slice(0, 300) } : {}),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}
