/** The keys that sign access tokens, kept sealed in the database and opened once per process. */
import { v7 as uuidv7 } from 'uuid';
import {
  generateSigningKey,
  importPrivateKey,
  importPublicKey,
  type SigningKey as OpenSigningKey,
  type VerifyingKey,
} from '../../core/access-token.ts';
import type { Clock } from '../../core/clock.ts';
import { deriveKey } from '../../core/keys.ts';
import { seal, unseal } from '../../core/sealed-box.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { SigningKey } from './signing-key.entity.ts';

export interface SigningKeys {
  /** Opens the keys, making the first one where there is none; safe on many replicas at once. */
  load(): Promise<void>;
  /** The key to sign with. */
  current(): OpenSigningKey;
  publicKeyOf(keyId: string): VerifyingKey | undefined;
}

export function createSigningKeys(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly secretKey: string;
  readonly clock: Clock;
}): SigningKeys {
  const { em, run, lock } = parts.unitOfWork;
  const sealingKey = deriveKey(parts.secretKey, 'signing-key-seal');
  const publicKeys = new Map<string, VerifyingKey>();
  let current: OpenSigningKey | undefined;

  const loadRows = () => em.find(SigningKey, {}, { orderBy: { id: 'asc' } });

  const ensureOne = () =>
    run(async () => {
      await lock('gatehouse:signing-keys');
      const kept = await loadRows();
      if (kept.length > 0) return kept;
      const { publicJwk, privatePem } = await generateSigningKey();
      const id = uuidv7();
      const sealedPrivateKey = seal(sealingKey, id, Buffer.from(privatePem));
      const made = em.create(SigningKey, {
        id,
        publicJwk,
        sealedPrivateKey,
        createdAt: parts.clock(),
      });
      em.persist(made);
      return [made];
    });

  const openNewest = async (rows: readonly SigningKey[]) => {
    const newest = rows.at(-1);
    if (!newest) throw new Error('there is no signing key');
    return {
      keyId: newest.id,
      privateKey: await importPrivateKey(unsealPem(sealingKey, newest)),
    };
  };

  return {
    async load() {
      const found = await loadRows();
      const rows = found.length > 0 ? found : await ensureOne();
      for (const row of rows) publicKeys.set(row.id, await importPublicKey(row.publicJwk));
      current = await openNewest(rows);
    },
    current() {
      if (!current) throw new Error('signing keys are not loaded');
      return current;
    },
    publicKeyOf: (keyId) => publicKeys.get(keyId),
  };
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
