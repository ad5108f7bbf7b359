/**
 * The networks from which an account has logged in lately. Failed passwords from any other network do not
 * lock the account there.
 */
import type { Client } from '../../core/actor.ts';
import { secondsAfter } from '../../core/clock.ts';
import { networkOf } from '../../core/network.ts';

const knownDays = 30;

/** A column `isKnownNetwork` for a statement; `userId` is SQL. Goes with `knownNetworkParameters`. */
export function knownNetworkSql(userId: string): string {
  return `exists (
    select from sessions s where s.user_id = ${userId} and s.network = ? and s.created_at > ?
  ) as "isKnownNetwork"`;
}

export function knownNetworkParameters(client: Client, now: Date): readonly [string, Date] {
  return [networkOf(client.ipAddress), secondsAfter(now, -knownDays * 86_400)];
}
