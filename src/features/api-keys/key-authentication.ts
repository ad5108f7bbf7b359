/**
 * Authentication with API keys: as a bearer token, and as the secret of a client at the OAuth endpoints. A key that
 * was never issued consumes an attempt of the caller's network.
 */
import { LRUCache } from 'lru-cache';
import { type ClientInfo, runWithContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { digestOfApiKey, isWellFormedApiKey } from '../../crypto/api-key.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import type { KeyActor, KeyPrincipals } from './key-principals.ts';
import type { KeyUsage } from './key-usage.ts';

/** A service account that was authenticated by `client_id` and `client_secret`. */
export interface AuthenticatedClient {
  /** Its `credential.id` is the `sid` of access tokens of this client. */
  readonly actor: KeyActor & { readonly kind: 'service-account' };
  /** When the key expires; null for never. No access token of the client is valid for longer. */
  readonly keyExpiresAt: Date | null;
}

/** A valid key, for the introspection of tokens. */
export interface KeyState {
  readonly actor: KeyActor;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

export interface KeyAuthentication {
  /**
   * The actor of a bearer key; undefined when the key is unknown, expired or revoked, or its owner is not active. It
   * is called before the request has a context.
   *
   * @throws THROTTLED for an unknown key, when the attempts of the network are used up
   */
  authenticate(secret: string, client: ClientInfo): Promise<KeyActor | undefined>;
  /**
   * The actor of a key by its id, for an access token whose `sid` it is; undefined when the key is not valid any
   * more. The caller compares `sub` and `client_id` with the service account of the actor.
   */
  principalOfKey(keyId: string): Promise<KeyActor | undefined>;
  /**
   * Authenticates a service account by its client id and one of its keys. The answer and the work are equal for an
   * unknown id, a wrong secret, a disabled account and an expired key. Each of them consumes an attempt of the
   * network. The request needs a current context.
   *
   * @throws THROTTLED when the attempts of the network are used up
   */
  authenticateClient(credentials: {
    readonly clientId: string;
    readonly secret: string;
  }): Promise<AuthenticatedClient | undefined>;
  /** The state of a valid key. Notes no use and consumes no attempt. */
  inspect(secret: string): Promise<KeyState | undefined>;
}

interface KeyRow {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** One entry of the audit log for each refused key in this time. */
const refusalMilliseconds = 3_600_000;
const rememberedRefusals = 10_000;

const findByDigest: Statement = {
  name: 'api-key-by-digest',
  text: `select id, created_at as "createdAt", expires_at as "expiresAt", revoked_at as "revokedAt"
    from api_keys where digest = $1`,
};

export function createKeyAuthentication(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'execute'>;
  readonly principals: KeyPrincipals;
  readonly usage: Pick<KeyUsage, 'note'>;
  readonly attemptLimits: Pick<AttemptLimits, 'consumeCode'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  /** The largest number of remembered keys. */
  readonly size: number;
}): KeyAuthentication {
  const { principals, usage, attemptLimits } = deps;
  /** A digest belongs to one key for ever. Only this relation is cached, not the validity of the key. */
  const keysByDigest = new LRUCache<string, KeyRow>({ max: deps.size });
  const refused = new LRUCache<string, true>({ max: rememberedRefusals, ttl: refusalMilliseconds });

  const findKey = async (secret: string): Promise<KeyRow | undefined> => {
    if (!isWellFormedApiKey(secret)) return undefined;
    const digest = digestOfApiKey(secret);
    const text = digest.toString('base64');
    const known = keysByDigest.get(text);
    if (known) return known;
    const [row] = await deps.unitOfWork.execute<KeyRow>(findByDigest, [digest]);
    if (row) keysByDigest.set(text, row);
    return row;
  };

  const auditRefusal = async ({ id, expiresAt }: KeyRow) => {
    if (refused.has(id)) return;
    refused.set(id, true);
    const isExpired = expiresAt !== null && expiresAt <= deps.clock();
    await deps.audit.append({
      action: 'api-key-used',
      denial: 'UNAUTHENTICATED',
      target: { type: 'api-key', id },
      after: { reason: isExpired ? 'expired' : 'revoked, or its owner is not active' },
    });
  };

  const authenticateInContext = async (secret: string): Promise<KeyActor | undefined> => {
    const key = await findKey(secret);
    if (!key) {
      await attemptLimits.consumeCode();
      return undefined;
    }
    const actor = await principals.find(key.id);
    if (actor) await usage.note(actor);
    else await auditRefusal(key);
    return actor;
  };

  return {
    authenticate: (secret, client) =>
      runWithContext({ actor: undefined, client }, () => authenticateInContext(secret)),

    async principalOfKey(keyId) {
      const actor = await principals.find(keyId);
      if (actor) await usage.note(actor);
      return actor;
    },

    async authenticateClient({ clientId, secret }) {
      const key = await findKey(secret);
      const actor = key && (await principals.find(key.id));
      if (key && actor && isClient(actor, clientId)) {
        await usage.note(actor);
        return { actor, keyExpiresAt: key.expiresAt };
      }
      await attemptLimits.consumeCode();
      if (key && !actor) await auditRefusal(key);
      return undefined;
    },

    async inspect(secret) {
      const key = await findKey(secret);
      const actor = key && (await principals.find(key.id));
      return key && actor && { actor, createdAt: key.createdAt, expiresAt: key.expiresAt };
    },
  };
}

function isClient(actor: KeyActor, clientId: string): actor is AuthenticatedClient['actor'] {
  return actor.kind === 'service-account' && actor.serviceAccount.clientId === clientId;
}
