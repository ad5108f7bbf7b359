/**
 * What concerns the security of accounts, a line of the log each: who, what, on whom, from where, how
 * it went. Nobody's address or name, and no value that was sent.
 */
import { currentContext } from '../core/request-context.ts';
import type { Log } from './log.ts';

export interface SecurityEvent {
  /** What was done or tried, such as `login`. */
  readonly event: string;
  readonly outcome: 'done' | 'refused';
  readonly code?: string | undefined;
  readonly [detail: string]: unknown;
}

/** Time in UTC comes from the log; address and request id from whoever is asking. */
export function logSecurityEvent(log: Log, event: SecurityEvent): void {
  const client = currentContext()?.client;
  const origin = client ? { ip: client.ipAddress, requestId: client.requestId } : {};
  log.info({ ...event, ...origin }, 'security event');
}
