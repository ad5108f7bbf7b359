/**
 * Logging in. Unknown, wrong, disabled and not confirmed yet get one answer after the same work. Only
 * the right password of an account that an administrator created says that it is not active.
 */

import { Problem, type ProblemCode } from '../../core/errors.ts';
import {
  type LoginName,
  parseFields,
  parseLoginName,
  parsePresentedPassword,
} from '../../core/parse.ts';
import type { ClientInfo, RequestContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { knownNetworkParameters, knownNetworkSql } from '../sessions/sessions.ts';
import type { TokenPair, TokenSource, Tokens } from '../sessions/tokens.ts';
import type { User, UserStatus } from '../users/user.entity.ts';
import { type Users, usernameKeyOf } from '../users/users.ts';

/** Everything raw. */
export interface LoginInput {
  readonly email: unknown;
  readonly password: unknown;
}

export interface Login {
  /** @throws INVALID_CREDENTIALS, ACCOUNT_NOT_ACTIVE, THROTTLED, OVERLOADED, VALIDATION_FAILED */
  login(input: LoginInput, context: RequestContext): Promise<TokenPair & { readonly user: User }>;
}

export interface LoginDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
}

type NoCandidate = { readonly id: null };

interface Candidate {
  readonly id: string;
  readonly status: UserStatus;
  readonly hash: string | null;
  readonly isKnownNetwork: boolean;
}

/** An unknown name has its row too, and the sessions are searched for it as well: it costs the same. */
const candidateSql = (condition: string) =>
  `select u.id, u.status, h.password_hash as hash,
    ${knownNetworkSql("coalesce(u.id, '00000000-0000-0000-0000-000000000000')")}
  from (select ?::text as name) asked
  left join users u on ${condition}
  left join password_hashes h on h.user_id = u.id`;
const byEmail = candidateSql('u.email = asked.name');
const byUsername = candidateSql(`${usernameKeyOf('u.username')} = ${usernameKeyOf('asked.name')}`);

/** Stands for a name that no account can have, so that such a name costs a query like any other. */
const nobody: LoginName | { kind: 'email'; value: string } = { kind: 'email', value: '' };

export function createLogin(parts: LoginDeps): Login {
  const { query, transaction } = parts.unitOfWork;

  const findCandidate = async (name: LoginName | undefined, client: ClientInfo) => {
    const { kind, value } = name ?? nobody;
    const sql = kind === 'email' ? byEmail : byUsername;
    const [row] = await query<Candidate | NoCandidate>(sql, [
      ...knownNetworkParameters(client, parts.clock()),
      value,
    ]);
    return row?.id ? row : undefined;
  };

  /**
   * Opens the session, if the account still is what the password was checked against: it may have
   * been disabled or given another password while the hash was computed.
   *
   * @throws INVALID_CREDENTIALS
   */
  const openSession = async (
    { id, hash }: Candidate,
    context: RequestContext,
    newHash: string | undefined,
  ): Promise<{ user: User; session: TokenSource }> => {
    const user = await parts.users.recordLogin(id, parts.clock());
    if (user?.status !== 'ACTIVE' || hash === null) throw new Problem('INVALID_CREDENTIALS');
    const session = await parts.sessions.create(id, context.client, hash);
    if (!session) throw new Problem('INVALID_CREDENTIALS');
    await parts.audit.append({ action: 'login', actorId: id, target: { type: 'user', id } });
    await parts.sessions.recordEnded(session);
    if (newHash !== undefined) await parts.users.setPasswordHash(user, newHash);
    return { user, session };
  };

  /** Of a name that nobody has as much is told as of one that somebody has: equal work. */
  const recordFailure = (candidate: Candidate | undefined, denial: ProblemCode) =>
    parts.audit.append({
      action: 'login',
      denial,
      ...(candidate ? { target: { type: 'user', id: candidate.id } } : {}),
    });

  /** The session of the account that the password is right for. */
  const prove = async (name: LoginName | undefined, password: string, context: RequestContext) => {
    const candidate = await findCandidate(name, context.client);
    const hash = candidate?.hash ?? undefined;
    const limited = await parts.attemptLimits.limitPassword({
      account: accountOf(name),
      isKnownNetwork: candidate?.isKnownNetwork ?? false,
      isRefusedAnyway: candidate?.status === 'DISABLED',
    });
    const isRight = await parts.hasher.verify(hash, password, context.signal, limited);
    if (!candidate || !isRight || candidate.status === 'DISABLED') {
      await recordFailure(candidate, 'INVALID_CREDENTIALS');
      throw new Problem('INVALID_CREDENTIALS');
    }
    if (candidate.status === 'PENDING') {
      await recordFailure(candidate, 'ACCOUNT_NOT_ACTIVE');
      throw new Problem('ACCOUNT_NOT_ACTIVE');
    }
    context.signal?.throwIfAborted(); // a session that nobody hears of would only stay open
    const isOutdated = hash !== undefined && parts.hasher.needsRehash(hash);
    const newHash = isOutdated ? await parts.hasher.hash(password, context.signal) : undefined;
    return transaction(() => openSession(candidate, context, newHash));
  };

  return {
    async login(input, context) {
      const { email: name, password } = parseFields({
        email: () => parseLoginName(input.email),
        password: () => parsePresentedPassword(input.password),
      });
      using _place = parts.hasher.reserveSlot();
      const { user, session } = await prove(name, password, context);
      return { ...(await parts.tokens.issue(session)), user };
    },
  };
}
