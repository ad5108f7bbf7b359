/** The row of an entry of the audit log, its sealed content, and the HMACs that bind it to its chain. */
import { createHmac } from 'node:crypto';
import type { SecurityEvent } from '../../observability/security-log.ts';

export type ActorKind = 'user' | 'service-account' | 'operator' | 'anonymous' | 'system';
export type TargetType =
  | 'user'
  | 'group'
  | 'permission'
  | 'session'
  | 'signing-key'
  | 'service-account'
  | 'api-key'
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
  /** JSON about the client, sealed with the key of the actor; null in entries from before 2026-11-28. */
  readonly client: Buffer | null;
  readonly previous_mac: Buffer;
  readonly mac: Buffer;
}

/** The number of chains, and so of transactions that can write entries at once without waiting for each other. */
export const chainCount = 16;

/** A row of `audit_chains`: the position and the MAC of the last entry of a chain, signed. */
export interface ChainEnd {
  readonly chain: number;
  readonly sequence: string;
  readonly mac: Buffer;
  readonly head_mac: Buffer;
}

/** An entry without its position and MACs, which come from the chain. */
export type UnchainedEntry = Omit<EntryRow, 'chain' | 'sequence' | 'previous_mac' | 'mac'>;
export type UnsignedEntry = Omit<EntryRow, 'mac'>;

/** The action of the first entry of every chain. A chain without it was emptied. */
export const chainStart = 'audit-chain-started';

/** The nil id. Its key seals the entries without a person. */
export const nilId = '00000000-0000-0000-0000-000000000000';

/** The owner of the key that seals the client: the actor, or the subject if the actor is not a user. */
export function clientKeyIdOf(
  row: Pick<EntryRow, 'actor_kind' | 'actor_id' | 'subject_id'>,
): string {
  // A service account is no person and has no key.
  const isUser = row.actor_kind !== 'service-account';
  return (isUser ? row.actor_id : null) ?? row.subject_id;
}

/** The label that binds the sealed client to its entry and distinguishes it from the details. */
export function clientLabelOf(entryId: string): string {
  return `${entryId}:client`;
}

/** The client of the request, unsealed. */
export interface EntryClient {
  readonly ipAddress?: string;
  readonly userAgent?: string;
  /** The API key of the request, or the one that its access token stands for. */
  readonly apiKeyId?: string;
}

/** The details of an entry, unsealed. Old entries have the client here. */
export interface EntryDetails extends EntryClient {
  readonly before?: object;
  readonly after?: object;
}

/** The HMAC over all fields of an entry, with its position and the HMAC of the previous entry. */
export function macOf(key: Buffer, entry: UnsignedEntry): Buffer {
  const fields = [
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
  return createHmac('sha256', key).update(JSON.stringify(fields)).digest();
}

/** The HMAC over the end of a chain: without the key, an older end cannot replace it. */
export function headMacOf(key: Buffer, chain: number, sequence: string, mac: Buffer): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['head', chain, sequence, mac.toString('base64')]))
    .digest();
}

/** The fields of an entry that the log may contain. The details stay sealed. */
export function eventOf(row: UnchainedEntry, apiKeyId: string | undefined): SecurityEvent {
  return {
    event: row.action,
    outcome: row.outcome,
    code: row.code ?? undefined,
    actorKind: row.actor_kind,
    actorId: row.actor_id ?? undefined,
    apiKeyId,
    targetType: row.target_type ?? undefined,
    targetId: row.target_id ?? undefined,
  };
}
