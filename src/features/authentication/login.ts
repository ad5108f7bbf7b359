/**
 * Login. Unknown names, wrong passwords, disabled accounts and unconfirmed registrations get the same
 * error after the same work. Only the right password of a pending account gives ACCOUNT_NOT_ACTIVE.
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

/** Unparsed input. */
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

/** An unknown name also gives a row and a search in the sessions, so it costs the same. */
const candidateSql = (condition: string) =>
  `select u.id, u.status, h.password_hash as hash,
    ${knownNetworkSql("coalesce(u.id, '00000000-0000-0000-0000-000000000000')")}
  from (select ?::text as name) given
  left join users u on ${condition}
  left join password_hashes h on h.user_id = u.id`;
const byEmail = candidateSql('u.email = given.name');
const byUsername = candidateSql(`${usernameKeyOf('u.username')} = ${usernameKeyOf('given.name')}`);

/** Replaces a malformed name, so that it costs a query like any other. */
const unknownName: LoginName | { kind: 'email'; value: string } = { kind: 'email', value: '' };

export function createLogin(deps: LoginDeps): Login {
  const { query, transaction } = deps.unitOfWork;

  const findCandidate = async (name: LoginName | undefined, client: ClientInfo) => {
    const { kind, value } = name ?? unknownName;
    const sql = kind === 'email' ? byEmail : byUsername;
    const [row] = await query<Candidate | NoCandidate>(sql, [
      ...knownNetworkParameters(client, deps.clock()),
      value,
    ]);
    return row?.id ? row : undefined;
  };

  /**
   * Creates the session if the account is unchanged: it may have been disabled or got another password
   * while the hash was computed.
   *
   * @throws INVALID_CREDENTIALS
   */
  const createSession = async (
    { id, hash }: Candidate,
    context: RequestContext,
    newHash: string | undefined,
  ): Promise<{ user: User; session: TokenSource }> => {
    const user = await deps.users.recordLogin(id, deps.clock());
    if (user?.status !== 'ACTIVE' || hash === null) throw new Problem('INVALID_CREDENTIALS');
    const session = await deps.sessions.create(id, context.client, hash);
    if (!session) throw new Problem('INVALID_CREDENTIALS');
    await deps.audit.append({ action: 'login', actorId: id, target: { type: 'user', id } });
    await deps.sessions.auditEnded(session);
    if (newHash !== undefined) await deps.users.setPasswordHash(user, newHash);
    return { user, session };
  };

  /** Writes an entry for unknown names too, so that known and unknown names cause the same work. */
  const auditFailure = (candidate: Candidate | undefined, denial: ProblemCode) =>
    deps.audit.append({
      action: 'login',
      denial,
      ...(candidate ? { target: { type: 'user', id: candidate.id } } : {}),
    });

  const authenticate = async (
    name: LoginName | undefined,
    password: string,
    context: RequestContext,
  ) => {
    const candidate = await findCandidate(name, context.client);
    const hash = candidate?.hash ?? undefined;
    const withRateLimit = deps.attemptLimits.limitPassword({
      account: accountOf(name),
      isKnownNetwork: candidate?.isKnownNetwork ?? false,
      isRefusedAnyway: candidate?.status === 'DISABLED',
    });
    const isRight = await deps.hasher.verify(hash, password, context.signal, withRateLimit);
    if (!candidate || !isRight || candidate.status === 'DISABLED') {
      await auditFailure(candidate, 'INVALID_CREDENTIALS');
      throw new Problem('INVALID_CREDENTIALS');
    }
    if (candidate.status === 'PENDING') {
      await auditFailure(candidate, 'ACCOUNT_NOT_ACTIVE');
      throw new Problem('ACCOUNT_NOT_ACTIVE');
    }
    context.signal?.throwIfAborted(); // no client would receive the tokens of the session
    const isOutdated = hash !== undefined && deps.hasher.needsRehash(hash);
    const newHash = isOutdated ? await deps.hasher.hash(password, context.signal) : undefined;
    return transaction(() => createSession(candidate, context, newHash));
  };

  return {
    async login(input, context) {
      const { email: name, password } = parseFields({
        email: () => parseLoginName(input.email),
        password: () => parsePresentedPassword(input.password),
      });
      using _slot = deps.hasher.reserveSlot();
      const { user, session } = await authenticate(name, password, context);
      return { ...(await deps.tokens.issue(session)), user };
    },
  };
}
