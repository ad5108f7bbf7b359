/** An entry of the record, and what binds it to the one before it. */
import { createHmac } from 'node:crypto';

export type ActorKind = 'user' | 'operator' | 'anonymous' | 'system';
export type TargetType =
  | 'user'
  | 'group'
  | 'permission'
  | 'session'
  | 'signing-key'
  | 'registration';

/** A row of `audit_entries`. The sequence is text, because a number cannot hold every bigint. */
export interface EntryRow {
  readonly id: string;
  readonly chain: number;
  readonly sequence: string;
  readonly at: Date;
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
  /** JSON about the client, sealed with the key of the actor; null in entries of before 2026-11-28. */
  readonly client: Buffer | null;
  readonly previous_mac: Buffer;
  readonly mac: Buffer;
}

/** All of an entry but its place, which its chain decides. */
export type UnchainedEntry = Omit<EntryRow, 'chain' | 'sequence' | 'previous_mac' | 'mac'>;
export type UnsignedEntry = Omit<EntryRow, 'mac'>;

/** The action of the entry that every chain must hold; an emptied chain cannot have it. */
export const chainStart = 'audit-chain-started';

/** The nil id: owner of the key that seals entries without a person. */
export const nobodyId = '00000000-0000-0000-0000-000000000000';

/** Who seals the client of an entry: the actor, or the subject when the actor is not a user. */
export function clientKeyIdOf(row: Pick<EntryRow, 'actor_id' | 'subject_id'>): string {
  return row.actor_id ?? row.subject_id;
}

/** Binds the sealed client to its entry, and keeps it apart from the details. */
export function clientLabelOf(entryId: string): string {
  return `${entryId}:client`;
}

/** Where the request came from, once it is open. */
export interface EntryClient {
  readonly ipAddress?: string;
  readonly userAgent?: string;
}

/** What the details of an entry hold once they are open; those of old entries hold the client too. */
export interface EntryDetails extends EntryClient {
  readonly before?: object;
  readonly after?: object;
}

/** The HMAC over everything of an entry, the place and the HMAC of the one before it included. */
export function macOf(key: Buffer, entry: UnsignedEntry): Buffer {
  const bound = [
    entry.id,
    entry.chain,
    entry.sequence,
    entry.at.toISOString(),
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
    ...(entry.client === null ? [] : [entry.client.toString('base64')]),
  ];
  return createHmac('sha256', key).update(JSON.stringify(bound)).digest();
}

/** The HMAC over where a chain ends; an older end cannot be made up without the key. */
export function headMacOf(key: Buffer, chain: number, sequence: string, mac: Buffer): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['head', chain, sequence, mac.toString('base64')]))
    .digest();
}
