/**
 * Logs security events of accounts, one line each: event, outcome, actor, target, IP address. A line contains
 * no email address, no name and no value of the request.
 */
import { currentContext } from '../core/request-context.ts';
import type { Log } from './log.ts';

export interface SecurityEvent {
  /** The operation, such as `login`. */
  readonly event: string;
  readonly outcome: 'done' | 'refused';
  readonly code?: string | undefined;
  readonly [detail: string]: unknown;
}

/** The log adds the time. IP address and request id come from the request context. */
export function logSecurityEvent(log: Log, event: SecurityEvent): void {
  const client = currentContext()?.client;
  const origin = client ? { ip: client.ipAddress, requestId: client.requestId } : {};
  log.info({ ...event, ...origin }, 'security event');
}
