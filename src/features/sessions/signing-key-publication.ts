/**
 * The publication of signing keys: of the first one, of one for another algorithm, and of one for a rotation. Keys
 * are published under a lock, so that several replicas that start at once publish one key.
 */
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { AccessTokenAlgorithm } from '../../crypto/access-token-algorithms.ts';
import { algorithmOfJwk, generateSigningKey } from '../../crypto/access-token-keys.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import type { Audit } from '../audit/audit.ts';
import type { SigningKey } from './signing-key.entity.ts';
import type { SigningKeyRows } from './signing-key-rows.ts';

/** How long clients may cache the public keys. */
export const publicKeysMaxAgeSeconds = 300;
/** From publication to the first signature. Services that cache the keys have fetched them again by then. */
export const publicationLeadSeconds = 2 * publicKeysMaxAgeSeconds;

/** An old key verifies this much longer than its last token, for clocks that differ. */
const leewaySeconds = 60;
/** Beyond this, replicas with different settings that restart in turns publish no further key. */
const maxKeysOfRestarts = 8;

export interface KeyPublication {
  /**
   * Publishes the first key, which signs at once. If the newest key is of another algorithm than the configured one,
   * publishes one that signs after the lead time.
   */
  atStart(): Promise<void>;
  /** Publishes a key that signs in `leadSeconds`, and returns its id. */
  rotate(leadSeconds: number): Promise<string>;
}

export interface KeyPublicationDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction' | 'lock'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly algorithm: AccessTokenAlgorithm;
  readonly accessTokenTtlSeconds: number;
}

export function createKeyPublication(
  rows: SigningKeyRows,
  deps: KeyPublicationDeps,
): KeyPublication {
  const { algorithm, clock, log } = deps;
  const { transaction, lock } = deps.unitOfWork;

  /** The keys that sign or verify, after the deletion of the others. */
  const withoutRetired = async (): Promise<readonly SigningKey[]> => {
    const all = await rows.list();
    const isRetired = (row: SigningKey) => {
      const end = endOf(row, all, deps.accessTokenTtlSeconds);
      return end !== undefined && end <= clock();
    };
    await rows.remove(all.filter(isRetired).map(({ id }) => id));
    return all.filter((row) => !isRetired(row));
  };

  const addAudited = async (
    generated: Awaited<ReturnType<typeof generateSigningKey>>,
    signsFrom: Date,
  ): Promise<string> => {
    const { id } = rows.add(generated, signsFrom);
    const target = { type: 'signing-key', id } as const;
    const after = { algorithm, signsFrom: signsFrom.toISOString() };
    await deps.audit.append({ action: 'signing-key-rotated', target, after });
    return id;
  };

  const isConfigured = (newest: SigningKey) => algorithmOfJwk(newest.publicJwk) === algorithm;

  /** After any key that a rotation or another start has scheduled, so that this key is the newest. */
  const timeAfter = (newest: SigningKey): Date => {
    const afterLead = secondsAfter(clock(), publicationLeadSeconds);
    return newest.signsFrom > afterLead ? newest.signsFrom : afterLead;
  };

  return {
    async atStart() {
      const newest = (await rows.list()).at(-1);
      if (newest && isConfigured(newest)) return;
      const generated = await generateSigningKey(algorithm);
      await transaction(async () => {
        await lock('gatehouse:signing-keys');
        const published = await withoutRetired();
        const latest = published.at(-1);
        if (!latest) return void rows.add(generated, clock());
        if (isConfigured(latest)) return;
        if (published.length >= maxKeysOfRestarts) {
          return log.error(
            { algorithm },
            'too many signing keys: replicas differ in ACCESS_TOKEN_ALGORITHM',
          );
        }
        const signsFrom = timeAfter(latest);
        await addAudited(generated, signsFrom);
        log.info({ algorithm, signsFrom }, 'signing key of another algorithm published');
      });
    },

    async rotate(leadSeconds) {
      const generated = await generateSigningKey(algorithm);
      return transaction(async () => {
        await lock('gatehouse:signing-keys');
        await withoutRetired();
        return addAudited(generated, secondsAfter(clock(), leadSeconds));
      });
    },
  };
}

/** When the last token of a key has expired; undefined for the newest of `all`, which are in the order of `signsFrom`. */
export function endOf(
  row: SigningKey,
  all: readonly SigningKey[],
  ttlSeconds: number,
): Date | undefined {
  const successor = all[all.indexOf(row) + 1];
  return successor && secondsAfter(successor.signsFrom, ttlSeconds + leewaySeconds);
}
