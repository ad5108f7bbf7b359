/**
 * The signing keys of access tokens. They are stored sealed in the database and unsealed once per process.
 * The change feed makes all replicas load a new key. A new key is published before it signs. An old key
 * verifies until its last token has expired.
 */
import { v7 as uuidv7 } from 'uuid';
import { type Clock, secondsAfter } from '../../core/time.ts';
import {
  generateSigningKey,
  importPrivateKey,
  importPublicKey,
  type SigningKey as OpenSigningKey,
  type PublicJwk,
  type VerifyingKey,
} from '../../crypto/access-token.ts';
import { deriveKey } from '../../crypto/keys.ts';
import { seal, unseal } from '../../crypto/sealed-box.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import type { Audit } from '../audit/audit.ts';
import { SigningKey } from './signing-key.entity.ts';

export type SigningKeyState = 'published' | 'signing' | 'verifying' | 'retired';

export interface SigningKeySummary {
  readonly keyId: string;
  readonly state: SigningKeyState;
  readonly createdAt: Date;
  readonly signsFrom: Date;
  /** When its last token has expired; undefined while no key follows it. */
  readonly verifiesUntil: Date | undefined;
}

export interface SigningKeys {
  /** Loads and unseals the keys. */
  load(): Promise<void>;
  /** The same, and creates the first key if none exists. Safe on several replicas at once. */
  loadOrCreate(): Promise<void>;
  /** The key to sign with. */
  current(): OpenSigningKey;
  publicKeyOf(keyId: string): VerifyingKey | undefined;
  /** The public keys for other services: public members only, with `kid`, `use` and `alg`. */
  publicJwks(): readonly PublicJwk[];
  /** Newest first. */
  list(): Promise<readonly SigningKeySummary[]>;
  /** Publishes a new key that signs in `leadSeconds`, and deletes retired keys. */
  rotate(leadSeconds: number): Promise<SigningKeySummary>;
}

export interface SigningKeysDeps {
  readonly unitOfWork: UnitOfWork;
  readonly audit: Audit;
  readonly changeFeed: Pick<ChangeFeed, 'onChange'>;
  readonly secretKey: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly accessTokenTtlSeconds: number;
}

const retryMs = 1000;
/** An old key verifies this much longer than its last token, for clocks that differ. */
const leewaySeconds = 60;

interface OpenedKey {
  readonly row: SigningKey;
  readonly publicKey: VerifyingKey;
  readonly verifiesUntil: Date | undefined;
}

export function createSigningKeys(deps: SigningKeysDeps): SigningKeys {
  const { em, transaction, lock, withEntityManager } = deps.unitOfWork;
  const sealingKey = deriveKey(deps.secretKey, 'signing-key-seal');
  /** In the order of `signsFrom`. */
  let opened: readonly OpenedKey[] = [];
  let loading = Promise.resolve();
  /** `performance.now()` of a failed load, until a load succeeds. */
  let failedAt: number | undefined;
  const privateKeys = new Map<string, OpenSigningKey>();

  const loadRows = () => em.find(SigningKey, {}, { orderBy: { signsFrom: 'asc', id: 'asc' } });

  const add = async (signsFrom: Date): Promise<SigningKey> => {
    const { publicJwk, privatePem } = await generateSigningKey();
    const id = uuidv7();
    const sealedPrivateKey = seal(sealingKey, id, Buffer.from(privatePem));
    const createdAt = deps.clock();
    const created = em.create(SigningKey, {
      id,
      publicJwk,
      sealedPrivateKey,
      createdAt,
      signsFrom,
    });
    em.persist(created);
    return created;
  };

  const ensureOne = () =>
    transaction(async () => {
      await lock('gatehouse:signing-keys');
      const existing = await loadRows();
      if (existing.length === 0) await add(deps.clock());
    });

  const open = async (rows: readonly SigningKey[]): Promise<OpenedKey[]> =>
    Promise.all(
      rows.map(async (row, index) => ({
        row,
        publicKey: await importPublicKey(row.publicJwk),
        verifiesUntil: verifiesUntil(rows[index + 1], deps.accessTokenTtlSeconds),
      })),
    );

  const read = async () => {
    const rows = await loadRows();
    for (const row of rows) {
      if (privateKeys.has(row.id)) continue;
      const privateKey = await importPrivateKey(unsealPem(sealingKey, row));
      privateKeys.set(row.id, { keyId: row.id, privateKey });
    }
    opened = await open(rows);
    failedAt = undefined;
  };

  /** Loads run one after the other, so that an older result never replaces a newer one. */
  const load = () => {
    loading = loading.catch(() => undefined).then(read);
    return loading;
  };

  const loadAgain = () => {
    withEntityManager(load).catch((error: unknown) => {
      failedAt = performance.now();
      deps.log.error({ err: error }, 'signing keys could not be reloaded');
    });
  };

  deps.changeFeed.onChange((key) => {
    if (key === 'signing-keys' || key === 'all') loadAgain();
  });

  /** The loaded keys. After a failed load it starts another one. */
  const loadedKeys = () => {
    if (failedAt !== undefined && performance.now() - failedAt > retryMs) {
      failedAt = undefined;
      loadAgain();
    }
    return opened;
  };

  const isOver = ({ verifiesUntil: end }: OpenedKey) => end !== undefined && end <= deps.clock();

  /** The newest key whose `signsFrom` has passed; the first key if clocks differ. */
  const signing = () =>
    loadedKeys().findLast(({ row }) => row.signsFrom <= deps.clock()) ?? opened[0];

  const summarise = (key: OpenedKey): SigningKeySummary => ({
    keyId: key.row.id,
    state: stateOf(key),
    createdAt: key.row.createdAt,
    signsFrom: key.row.signsFrom,
    verifiesUntil: key.verifiesUntil,
  });

  const stateOf = (key: OpenedKey): SigningKeyState => {
    if (key.row.id === signing()?.row.id) return 'signing';
    if (key.row.signsFrom > deps.clock()) return 'published';
    return isOver(key) ? 'retired' : 'verifying';
  };

  return {
    load,
    async loadOrCreate() {
      if ((await loadRows()).length === 0) await ensureOne();
      await load();
    },
    current() {
      const key = privateKeys.get(signing()?.row.id ?? '');
      if (!key) throw new Error('signing keys are not loaded');
      return key;
    },
    publicKeyOf: (keyId) =>
      loadedKeys().find((key) => key.row.id === keyId && !isOver(key))?.publicKey,
    publicJwks: () =>
      loadedKeys()
        .filter((key) => !isOver(key))
        .map(({ row }) => publicMembers(row)),
    async list() {
      await load();
      return opened.map(summarise).reverse();
    },
    async rotate(leadSeconds) {
      await load();
      const retired = opened.filter(isOver).map(({ row }) => row.id);
      const created = await transaction(async () => {
        await lock('gatehouse:signing-keys');
        await em.nativeDelete(SigningKey, { id: { $in: retired } });
        const key = await add(secondsAfter(deps.clock(), leadSeconds));
        const target = { type: 'signing-key', id: key.id } as const;
        await deps.audit.append({ action: 'signing-key-rotated', target });
        return key;
      });
      await load();
      const key = opened.find(({ row }) => row.id === created.id);
      if (!key) throw new Error('the new signing key does not exist any more');
      return summarise(key);
    },
  };
}

/** Whether this SECRET_KEY unseals the private key. */
export function opensWith(
  secretKey: string,
  row: Pick<SigningKey, 'id' | 'sealedPrivateKey'>,
): boolean {
  try {
    unseal(deriveKey(secretKey, 'signing-key-seal'), row.id, Buffer.from(row.sealedPrivateKey));
    return true;
  } catch {
    return false;
  }
}

function verifiesUntil(successor: SigningKey | undefined, ttlSeconds: number): Date | undefined {
  return successor && secondsAfter(successor.signsFrom, ttlSeconds + leewaySeconds);
}

/** Lists the members explicitly, so that no private member becomes public. */
function publicMembers({ id, publicJwk: { kty, crv, x } }: SigningKey): PublicJwk {
  return { kid: id, use: 'sig', alg: 'EdDSA', kty, crv, x } as PublicJwk; // an Ed25519 key
}

function unsealPem(sealingKey: Buffer, row: SigningKey): string {
  try {
    return unseal(sealingKey, row.id, Buffer.from(row.sealedPrivateKey)).toString();
  } catch {
    throw new Error(
      'SECRET_KEY is not the one that this database was made with: set the former SECRET_KEY again.',
    );
  }
}

/** How long clients may cache the public keys. */
export const publicKeysMaxAgeSeconds = 300;
