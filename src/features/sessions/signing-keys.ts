/**
 * The signing keys of access tokens. They are stored sealed in the database and unsealed once per process.
 * The change feed makes all replicas load a new key. A new key is published before it signs. An old key
 * verifies until its last token has expired. All replicas sign with the same key, whatever their settings.
 */
import { parseId } from '../../core/parse.ts';
import type { Clock } from '../../core/time.ts';
import type { AccessTokenAlgorithm } from '../../crypto/access-token-algorithms.ts';
import {
  algorithmOfJwk,
  importPublicKey,
  type SigningKey as OpenSigningKey,
  type PublicJwk,
  publicMembersOf,
  type VerifyingKey,
} from '../../crypto/access-token-keys.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import type { Audit } from '../audit/audit.ts';
import type { SigningKey } from './signing-key.entity.ts';
import { createKeyPublication, endOf } from './signing-key-publication.ts';
import { createSigningKeyRows } from './signing-key-rows.ts';

export type SigningKeyState = 'published' | 'signing' | 'verifying' | 'retired';

export interface SigningKeySummary {
  readonly keyId: string;
  readonly algorithm: AccessTokenAlgorithm;
  readonly state: SigningKeyState;
  readonly createdAt: Date;
  readonly signsFrom: Date;
  /** When its last token has expired; undefined while no key follows it. */
  readonly verifiesUntil: Date | undefined;
}

export interface SigningKeys {
  /** Loads and unseals the keys. */
  load(): Promise<void>;
  /**
   * The same, and creates the first key if none exists. If the newest key is of another kind than the settings
   * demand, it publishes a key of that kind. Safe on several replicas at once.
   */
  loadOrCreate(): Promise<void>;
  /** The key to sign with. */
  current(): OpenSigningKey;
  publicKeyOf(keyId: string): VerifyingKey | undefined;
  /** The same. Loads the keys again for an unknown key, at most once a second. */
  findPublicKey(keyId: string): Promise<VerifyingKey | undefined>;
  /** The public keys for other services: public members only, with `kid`, `use` and `alg`. */
  publicJwks(): readonly PublicJwk[];
  /** Newest first. */
  list(): Promise<readonly SigningKeySummary[]>;
  /** Publishes a new key of the configured kind that signs in `leadSeconds`, and deletes retired keys. */
  rotate(leadSeconds: number): Promise<SigningKeySummary>;
}

export interface SigningKeysDeps {
  readonly unitOfWork: UnitOfWork;
  readonly audit: Audit;
  readonly changeFeed: Pick<ChangeFeed, 'onChange'>;
  readonly secretKey: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The kind of new keys. */
  readonly algorithm: AccessTokenAlgorithm;
  readonly accessTokenTtlSeconds: number;
}

const retryMs = 1000;

interface OpenedKey {
  readonly row: SigningKey;
  readonly publicKey: VerifyingKey;
  readonly verifiesUntil: Date | undefined;
}

export function createSigningKeys(deps: SigningKeysDeps): SigningKeys {
  const { withEntityManager } = deps.unitOfWork;
  const rows = createSigningKeyRows(deps);
  const publication = createKeyPublication(rows, deps);
  /** In the order of `signsFrom`. */
  let opened: readonly OpenedKey[] = [];
  let loading = Promise.resolve();
  /** `performance.now()` of a failed load, until a load succeeds. */
  let failedAt: number | undefined;
  /** The last load for an unknown key, and the `performance.now()` of its start. */
  let lookup = { at: Number.NEGATIVE_INFINITY, done: Promise.resolve() };
  const privateKeys = new Map<string, OpenSigningKey>();

  const open = async (list: readonly SigningKey[]): Promise<OpenedKey[]> =>
    Promise.all(
      list.map(async (row) => ({
        row,
        publicKey: await importPublicKey(row.publicJwk),
        verifiesUntil: endOf(row, list, deps.accessTokenTtlSeconds),
      })),
    );

  const read = async () => {
    const list = await rows.list();
    for (const row of list) {
      if (!privateKeys.has(row.id)) privateKeys.set(row.id, await rows.open(row));
    }
    opened = await open(list);
    failedAt = undefined;
  };

  /** Loads run one after the other, so that an older result never replaces a newer one. */
  const load = () => {
    loading = loading.catch(() => undefined).then(read);
    return loading;
  };

  const loadAgain = () =>
    withEntityManager(load).catch((error: unknown) => {
      failedAt = performance.now();
      deps.log.error({ err: error }, 'signing keys could not be reloaded');
    });

  deps.changeFeed.onChange((key) => {
    if (key === 'signing-keys' || key === 'all') void loadAgain();
  });

  /** The loaded keys. After a failed load it starts another one. */
  const loadedKeys = () => {
    if (failedAt !== undefined && performance.now() - failedAt > retryMs) {
      failedAt = undefined;
      void loadAgain();
    }
    return opened;
  };

  const isOver = ({ verifiesUntil: end }: OpenedKey) => end !== undefined && end <= deps.clock();

  const publicKeyOf = (keyId: string) =>
    loadedKeys().find((key) => key.row.id === keyId && !isOver(key))?.publicKey;

  /** The newest key whose `signsFrom` has passed; the first key if clocks differ. */
  const signing = () =>
    loadedKeys().findLast(({ row }) => row.signsFrom <= deps.clock()) ?? opened[0];

  const stateOf = (key: OpenedKey): SigningKeyState => {
    if (key.row.id === signing()?.row.id) return 'signing';
    if (key.row.signsFrom > deps.clock()) return 'published';
    return isOver(key) ? 'retired' : 'verifying';
  };

  const summarise = (key: OpenedKey): SigningKeySummary => ({
    keyId: key.row.id,
    algorithm: algorithmOfJwk(key.row.publicJwk),
    state: stateOf(key),
    createdAt: key.row.createdAt,
    signsFrom: key.row.signsFrom,
    verifiesUntil: key.verifiesUntil,
  });

  return {
    load,
    async loadOrCreate() {
      await publication.atStart();
      await load();
    },
    current() {
      const key = privateKeys.get(signing()?.row.id ?? '');
      if (!key) throw new Error('signing keys are not loaded');
      return key;
    },
    publicKeyOf,
    async findPublicKey(keyId) {
      const known = publicKeyOf(keyId);
      if (known || parseId(keyId) === undefined) return known;
      const isDue = performance.now() - lookup.at > retryMs;
      if (isDue) lookup = { at: performance.now(), done: loadAgain() };
      await lookup.done;
      return publicKeyOf(keyId);
    },
    publicJwks: () =>
      loadedKeys()
        .filter((key) => !isOver(key))
        .map(({ row }) => ({ kid: row.id, ...publicMembersOf(row.publicJwk) })),
    async list() {
      await load();
      return opened.map(summarise).reverse();
    },
    async rotate(leadSeconds) {
      const keyId = await publication.rotate(leadSeconds);
      await load();
      const key = opened.find(({ row }) => row.id === keyId);
      if (!key) throw new Error('the new signing key does not exist any more');
      return summarise(key);
    },
  };
}
