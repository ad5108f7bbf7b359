/** Finds the secret key of this installation: in the configuration, or in the data directory. */
import type { Config } from '../config/config.ts';
import { findStoredSecretKey, loadOrCreateSecretKey, requiredSecretKey } from '../crypto/keys.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import type { Purpose } from './options.ts';

const hasSecretsSql = `select exists (select 1 from signing_keys)
  or exists (select 1 from audit_entries) as has_secrets`;

/**
 * Returns the configured key, or the key in the data directory. `serve` creates a missing key. The other
 * purposes create one only for a database that holds nothing sealed with another key.
 *
 * @throws Error when the database is in use and its key is missing
 */
export async function openSecretKey(
  { secretKey, dataDirectory }: Config,
  purpose: Purpose,
  query: UnitOfWork['query'],
): Promise<string> {
  if (secretKey !== undefined) return secretKey;
  if (purpose === 'serve') return loadOrCreateSecretKey(dataDirectory);
  const stored = await findStoredSecretKey(dataDirectory);
  if (stored !== undefined) return stored;
  const [row] = await query<{ has_secrets: boolean }>(hasSecretsSql);
  return requiredSecretKey(dataDirectory, {
    isInUse: row?.has_secrets ?? true,
    isStored: purpose !== 'read',
  });
}
