/**
 * The keys that sign access tokens: kept sealed in the database, opened once per process, known to
 * every replica through the feed of changes. A new key is published before it signs; an old one
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
  /** When the last token it signed has expired; unknown while nothing follows it. */
  readonly verifiesUntil: Date | undefined;
}

export interface SigningKeys {
  /** Opens the keys that are there. */
  load(): Promise<void>;
  /** Opens the keys, making the first one where there is none; safe on many replicas at once. */
  loadOrCreate(): Promise<void>;
  /** The key to sign with. */
  current(): OpenSigningKey;
  publicKeyOf(keyId: string): VerifyingKey | undefined;
  /** What others need to verify our tokens: public members only, with `kid`, `use` and `alg`. */
  publicJwks(): readonly PublicJwk[];
  /** Newest first. */
  list(): Promise<readonly SigningKeySummary[]>;
  /** Publishes a new key, which signs `leadSeconds` from now; removes retired ones. */
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

const retryMilliseconds = 1000;
/** Beyond a token's life an old key is kept so long, for clocks that differ. */
const leewaySeconds = 60;

interface OpenedKey {
  readonly row: SigningKey;
  readonly publicKey: VerifyingKey;
  readonly verifiesUntil: Date | undefined;
}

export function createSigningKeys(deps: SigningKeysDeps): SigningKeys {
  const { em, transaction, lock, withEntityManager } = deps.unitOfWork;
  const sealingKey = deriveKey(deps.secretKey, 'signing-key-seal');
  /** In the order in which they sign. */
  let opened: readonly OpenedKey[] = [];
  let loading = Promise.resolve();
  /** Monotonic milliseconds of a reading that failed and has not been made good. */
  let failedAt: number | undefined;
  const privateKeys = new Map<string, OpenSigningKey>();

  const loadRows = () => em.find(SigningKey, {}, { orderBy: { signsFrom: 'asc', id: 'asc' } });

  const add = async (signsFrom: Date): Promise<SigningKey> => {
    const { publicJwk, privatePem } = await generateSigningKey();
    const id = uuidv7();
    const sealedPrivateKey = seal(sealingKey, id, Buffer.from(privatePem));
    const createdAt = deps.clock();
    const made = em.create(SigningKey, { id, publicJwk, sealedPrivateKey, createdAt, signsFrom });
    em.persist(made);
    return made;
  };

  const ensureOne = () =>
    transaction(async () => {
      await lock('gatehouse:signing-keys');
      const kept = await loadRows();
      if (kept.length === 0) await add(deps.clock());
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

  /** One reading after the other, so that an older one never takes the place of a newer one. */
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

  /** The keys; after a reading that failed, whoever asks has them read again. */
  const known = () => {
    if (failedAt !== undefined && performance.now() - failedAt > retryMilliseconds) {
      failedAt = undefined;
      loadAgain();
    }
    return opened;
  };

  const isOver = ({ verifiesUntil: end }: OpenedKey) => end !== undefined && end <= deps.clock();

  /** The newest whose time has come; the first one where clocks differ. */
  const signing = () => known().findLast(({ row }) => row.signsFrom <= deps.clock()) ?? opened[0];

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
    publicKeyOf: (keyId) => known().find((key) => key.row.id === keyId && !isOver(key))?.publicKey,
    publicJwks: () =>
      known()
        .filter((key) => !isOver(key))
        .map(({ row }) => publicMembers(row)),
    async list() {
      await load();
      return opened.map(summarise).reverse();
    },
    async rotate(leadSeconds) {
      await load();
      const retired = opened.filter(isOver).map(({ row }) => row.id);
      const made = await transaction(async () => {
        await lock('gatehouse:signing-keys');
        await em.nativeDelete(SigningKey, { id: { $in: retired } });
        const key = await add(secondsAfter(deps.clock(), leadSeconds));
        const target = { type: 'signing-key', id: key.id } as const;
        await deps.audit.append({ action: 'signing-key-rotated', target });
        return key;
      });
      await load();
      const key = opened.find(({ row }) => row.id === made.id);
      if (!key) throw new Error('the new signing key is gone already');
      return summarise(key);
    },
  };
}

/** Whether the private half can be opened with this SECRET_KEY. */
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

/** Named one by one, so that no private member can slip through. */
function publicMembers({ id, publicJwk: { kty, crv, x } }: SigningKey): PublicJwk {
  return { kid: id, use: 'sig', alg: 'EdDSA', kty, crv, x } as PublicJwk; // an Ed25519 key of ours
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

/** Seconds that others may keep our public keys. */
export const publicKeysMaxAgeSeconds = 300;
