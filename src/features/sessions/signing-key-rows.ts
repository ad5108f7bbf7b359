/** The rows of signing keys, with private keys sealed by a key that is derived from SECRET_KEY. */
import { v7 as uuidv7 } from 'uuid';
import type { Clock } from '../../core/time.ts';
import {
  type GeneratedKey,
  importPrivateKey,
  type SigningKey as OpenSigningKey,
} from '../../crypto/access-token-keys.ts';
import { deriveKey } from '../../crypto/keys.ts';
import { seal, unseal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { SigningKey } from './signing-key.entity.ts';

export interface SigningKeyRows {
  /** In the order in which they sign. */
  list(): Promise<SigningKey[]>;
  /** Persists the key: the flush of the transaction inserts the row. */
  add(key: GeneratedKey, signsFrom: Date): SigningKey;
  remove(ids: readonly string[]): Promise<void>;
  /** @throws Error when the key was sealed with another SECRET_KEY */
  open(row: SigningKey): Promise<OpenSigningKey>;
}

export function createSigningKeyRows({
  unitOfWork: { em },
  secretKey,
  clock,
}: {
  readonly unitOfWork: Pick<UnitOfWork, 'em'>;
  readonly secretKey: string;
  readonly clock: Clock;
}): SigningKeyRows {
  const sealingKey = sealingKeyOf(secretKey);
  return {
    list: () => em.find(SigningKey, {}, { orderBy: { signsFrom: 'asc', id: 'asc' } }),
    add({ publicJwk, privatePem }, signsFrom) {
      const id = uuidv7();
      const sealedPrivateKey = seal(sealingKey, id, Buffer.from(privatePem));
      const columns = { id, publicJwk, sealedPrivateKey, createdAt: clock(), signsFrom };
      const added = em.create(SigningKey, columns);
      em.persist(added);
      return added;
    },
    async remove(ids) {
      await em.nativeDelete(SigningKey, { id: { $in: [...ids] } });
    },
    async open(row) {
      const privateKey = await importPrivateKey(unsealPem(sealingKey, row), row.publicJwk);
      return { keyId: row.id, privateKey };
    },
  };
}

/** Whether this SECRET_KEY unseals the private key. */
export function opensWith(
  secretKey: string,
  row: Pick<SigningKey, 'id' | 'sealedPrivateKey'>,
): boolean {
  try {
    unseal(sealingKeyOf(secretKey), row.id, Buffer.from(row.sealedPrivateKey));
    return true;
  } catch {
    return false;
  }
}

function sealingKeyOf(secretKey: string): Buffer {
  return deriveKey(secretKey, 'signing-key-seal');
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
