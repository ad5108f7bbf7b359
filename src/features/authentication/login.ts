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
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { nilId } from '../audit/entry.ts';
import type { CreateSession } from '../sessions/create-session.ts';
import { knownNetworkParameters, knownNetworkSql } from '../sessions/sessions.ts';
import type { TokenPair, Tokens } from '../sessions/tokens.ts';
import type { User, UserStatus } from '../users/user.entity.ts';
import { usernameKeyOf } from '../users/users.ts';

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
  readonly createSession: CreateSession;
  readonly tokens: Tokens;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
}

interface Candidate {
  /** Null for an unknown name; then status and hash are null too. */
  readonly id: string | null;
  readonly status: UserStatus | null;
  readonly hash: string | null;
  readonly isKnownNetwork: boolean;
  /** The key of the account in the audit log, or that of the nil id for an unknown name. */
  readonly subjectKey: Buffer | null;
}

/** An unknown name also gives a row and the same searches, so it costs the same. */
const candidateSql = (condition: string) =>
  `select u.id, u.status, h.password_hash as hash, k.sealed_key as "subjectKey",
    ${knownNetworkSql(`coalesce(u.id, '${nilId}')`)}
  from (select $3::text as name) given
  left join users u on ${condition}
  left join password_hashes h on h.user_id = u.id
  left join audit_subject_keys k on k.subject_id = coalesce(u.id, '${nilId}')`;
const candidateByEmail: Statement = {
  name: 'login-candidate-by-email',
  text: candidateSql('u.email = given.name'),
};
const candidateByUsername: Statement = {
  name: 'login-candidate-by-username',
  text: candidateSql(`${usernameKeyOf('u.username')} = ${usernameKeyOf('given.name')}`),
};

/** Replaces a malformed name, so that it costs a query like any other. */
const unknownName: LoginName | { kind: 'email'; value: string } = { kind: 'email', value: '' };

export function createLogin(deps: LoginDeps): Login {
  const { execute } = deps.unitOfWork;

  const findCandidate = async (name: LoginName | undefined, client: ClientInfo) => {
    const { kind, value } = name ?? unknownName;
    const [candidate] = await execute<Candidate>(
      kind === 'email' ? candidateByEmail : candidateByUsername,
      [...knownNetworkParameters(client, deps.clock()), value],
    );
    if (!candidate) throw new Error('the query for a candidate returned no row');
    return candidate;
  };

  /** Writes an entry for unknown names too, so that known and unknown names cause the same work. */
  const deny = async (candidate: Candidate, denial: ProblemCode): Promise<never> => {
    const { id, subjectKey: sealedKey } = candidate;
    const target = id === null ? {} : { target: { type: 'user', id } as const };
    const subject = { id: id ?? nilId, sealedKey };
    await deps.audit.appendAlone(subject, [{ action: 'login', denial, ...target }]);
    throw new Problem(denial);
  };

  const verify = async (
    candidate: Candidate,
    { name, password }: { readonly name: LoginName | undefined; readonly password: string },
    context: RequestContext,
  ): Promise<boolean> => {
    const withRateLimit = deps.attemptLimits.limitPassword({
      account: accountOf(name),
      isKnownNetwork: candidate.isKnownNetwork,
      isRefusedAnyway: candidate.status === 'DISABLED',
    });
    const hash = candidate.hash ?? undefined;
    return deps.hasher.verify(hash, password, context.signal, withRateLimit);
  };

  /** Undefined if the account is not active any more, or has another hash than the verified one. */
  const createSession = async (
    candidate: Candidate,
    password: string,
    context: RequestContext,
  ): ReturnType<CreateSession> => {
    const { id, hash, subjectKey } = candidate;
    if (id === null || hash === null) return undefined;
    const newerHash = deps.hasher.needsRehash(hash)
      ? await deps.hasher.hash(password, context.signal)
      : undefined;
    return deps.createSession({ id, hash, newerHash, subjectKey }, context.client);
  };

  /** For a login during which the hash changed: a parallel login may have computed it anew, from the same password. */
  const retry = async (
    earlier: Candidate,
    { name, password }: { readonly name: LoginName | undefined; readonly password: string },
    context: RequestContext,
  ): ReturnType<CreateSession> => {
    const candidate = await findCandidate(name, context.client);
    const { id, hash, status } = candidate;
    if (id !== earlier.id || hash === null || hash === earlier.hash || status !== 'ACTIVE')
      return undefined;
    const isRight = await deps.hasher.verify(hash, password, context.signal);
    return isRight ? createSession(candidate, password, context) : undefined;
  };

  /**
   * The session is not created if the account was disabled or got another password while the hash was computed.
   *
   * @throws INVALID_CREDENTIALS, ACCOUNT_NOT_ACTIVE
   */
  const authenticate = async (
    name: LoginName | undefined,
    password: string,
    context: RequestContext,
  ) => {
    const candidate = await findCandidate(name, context.client);
    const isRight = await verify(candidate, { name, password }, context);
    const { status } = candidate;
    if (!isRight || status === null || status === 'DISABLED')
      return deny(candidate, 'INVALID_CREDENTIALS');
    if (status === 'PENDING') return deny(candidate, 'ACCOUNT_NOT_ACTIVE');
    context.signal?.throwIfAborted(); // no client would receive the tokens of the session
    const created =
      (await createSession(candidate, password, context)) ??
      (await retry(candidate, { name, password }, context));
    if (!created) throw new Problem('INVALID_CREDENTIALS');
    return created;
  };

  return {
    async login(input, context) {
      using _slot = deps.hasher.reserveSlot(); // first, because a refusal under overload has to be cheap
      const { email: name, password } = parseFields({
        email: () => parseLoginName(input.email),
        password: () => parsePresentedPassword(input.password),
      });
      const { user, session } = await authenticate(name, password, context);
      return { ...(await deps.tokens.issue(session)), user };
    },
  };
}
