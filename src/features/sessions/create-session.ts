/** The writes of a successful login, in one statement: the function `log_in` of the database. */
import { v7 as uuidv7 } from 'uuid';
import { networkOf } from '../../core/network.ts';
import type { ClientInfo } from '../../core/request-context.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Audit, NewEntry } from '../audit/audit.ts';
import type { AppendOutcome } from '../audit/chains.ts';
import { User } from '../users/user.entity.ts';
import { userColumns } from '../users/users.ts';
import type { EndReason } from './session.entity.ts';
import type { TokenSource } from './tokens.ts';

/** An account with the password that the login has verified. */
export interface VerifiedAccount {
  readonly id: string;
  /** The verified hash. */
  readonly hash: string;
  /** A hash of the same password with newer parameters, which replaces it. */
  readonly newerHash: string | undefined;
  /** The key of the account in the audit log, sealed. */
  readonly subjectKey: Buffer | null;
}

/**
 * Creates a session and sets the time of the last login, if the account is still active and still has the verified
 * hash. Beyond the limit it ends the live sessions that were unused for the longest time.
 */
export type CreateSession = (
  account: VerifiedAccount,
  client: ClientInfo,
) => Promise<{ readonly user: User; readonly session: TokenSource } | undefined>;

export interface CreateSessionDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'em' | 'execute' | 'waitUntilDelivered'>;
  readonly audit: Pick<Audit, 'appendWith'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'sessionsStarted' | 'sessionsEnded'>;
  readonly refreshTokenTtlSeconds: number;
  readonly sessionMaxAgeSeconds: number;
  /** Live sessions of one user. */
  readonly maxSessionsPerUser: number;
}

const maxUserAgentLength = 300;
const limitReason: EndReason = 'session-limit';

interface LoginRow {
  readonly outcome: AppendOutcome;
  /** Sessions beyond the limit. */
  readonly ended: number | null;
}

export function createCreateSession(deps: CreateSessionDeps): CreateSession {
  const { em, execute, waitUntilDelivered } = deps.unitOfWork;
  const logIn: Statement = {
    name: 'log-in',
    text: `select outcome, ended, ${userColumns(em, '(account)')}
      from log_in($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
  };

  const newSession = (userId: string): TokenSource => {
    const now = deps.clock();
    const idleSeconds = Math.min(deps.refreshTokenTtlSeconds, deps.sessionMaxAgeSeconds);
    const expiresAt = secondsAfter(now, idleSeconds);
    return {
      id: uuidv7(),
      userId,
      refreshCounter: 0,
      createdAt: now,
      lastUsedAt: now,
      expiresAt,
    };
  };

  /** @param endedCount the number of sessions that end, if the account has the number that was read before */
  const write = (
    account: VerifiedAccount,
    client: ClientInfo,
    { session, endedCount }: { readonly session: TokenSource; readonly endedCount: number },
  ): Promise<LoginRow> => {
    const { id, hash, newerHash = null, subjectKey: sealedKey } = account;
    const values = [
      ...[id, hash, newerHash],
      ...[session.id, session.lastUsedAt, session.expiresAt],
      ...[client.ipAddress, networkOf(client.ipAddress)],
      ...[client.userAgent.slice(0, maxUserAgentLength), deps.maxSessionsPerUser, endedCount],
    ];
    return deps.audit.appendWith({ id, sealedKey }, entriesOf(id, endedCount), async (entries) => {
      const [row] = await execute<LoginRow>(logIn, [...values, entries]);
      if (!row) throw new Error('log_in returned no row');
      return row;
    });
  };

  const onEnded = async (endedCount: number): Promise<void> => {
    if (endedCount === 0) return;
    deps.metrics.sessionsEnded.inc({ reason: limitReason }, endedCount);
    await waitUntilDelivered();
  };

  return async (account, client) => {
    const session = newSession(account.id);
    let endedCount = 0;
    for (;;) {
      const { outcome, ended, ...user } = await write(account, client, { session, endedCount });
      if (outcome === 'denied') return undefined;
      if (outcome === 'appended') {
        deps.metrics.sessionsStarted.inc();
        await onEnded(endedCount);
        return { user: em.map(User, user), session };
      }
      endedCount = ended ?? 0; // the entries name this number
    }
  };
}

function entriesOf(id: string, endedCount: number): readonly NewEntry[] {
  const about = { actorId: id, target: { type: 'user', id } } as const;
  const after = { reason: limitReason, count: endedCount };
  return [
    { ...about, action: 'login' },
    ...(endedCount > 0 ? [{ ...about, action: 'sessions-ended', after }] : []),
  ];
}
