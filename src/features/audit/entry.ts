/** An entry of the record, and what binds it to the one before it. */
import { createHmac } from 'node:crypto';

export type ActorKind = 'user' | 'operator' | 'anonymous' | 'system';
export type TargetType = 'user' | 'group' | 'permission' | 'session' | 'signing-key';

/** A row as the database has it; times and sequence as text, so that they are bound exactly. */
export interface EntryRow {
  readonly id: string;
  readonly chain: number;
  readonly sequence: string;
  readonly at: string;
  readonly action: string;
  readonly outcome: 'done' | 'refused';
  readonly code: string | null;
  readonly actor_kind: ActorKind;
  readonly actor_id: string | null;
  readonly target_type: TargetType | null;
  readonly target_id: string | null;
  readonly request_id: string | null;
  readonly subject_id: string;
  /** JSON, sealed with the key of the subject. */
  readonly details: Buffer;
  readonly previous_mac: Buffer;
  readonly mac: Buffer;
}

export type UnboundEntry = Omit<EntryRow, 'mac'>;

/** What the details of an entry hold once they are open. */
export interface EntryDetails {
  readonly ipAddress?: string;
  readonly userAgent?: string;
  readonly before?: object;
  readonly after?: object;
}

/** The HMAC over everything of an entry, the place and the HMAC of the one before it included. */
export function macOf(key: Buffer, entry: UnboundEntry): Buffer {
  const bound = [
    entry.id,
    entry.chain,
    entry.sequence,
    new Date(entry.at).toISOString(),
    entry.action,
    entry.outcome,
    entry.code,
    entry.actor_kind,
    entry.actor_id,
    entry.target_type,
    entry.target_id,
    entry.request_id,
    entry.subject_id,
    entry.details.toString('base64'),
    entry.previous_mac.toString('base64'),
  ];
  return createHmac('sha256', key).update(JSON.stringify(bound)).digest();
}

/** The HMAC over where a chain ends; an older end cannot be made up without the key. */
export function headMacOf(key: Buffer, chain: number, sequence: string, mac: Buffer): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['head', chain, sequence, mac.toString('base64')]))
    .digest();
}
