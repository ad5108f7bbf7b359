/**
 * Keys derived from SECRET_KEY for separate purposes (HKDF, RFC 5869), so that a value of one purpose is never valid for
 * another; and the generated SECRET_KEY in the data directory.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateDirectory } from '../core/private-directory.ts';

export type KeyPurpose =
  | 'one-time-secret'
  | 'one-time-short-code'
  | 'refresh-token'
  | 'signing-key-seal'
  | 'audit-chain'
  | 'audit-subject-key'
  | 'rate-limit';

/** 32 bytes for one purpose. */
export function deriveKey(secretKey: string, purpose: KeyPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, 'gatehouse', purpose, 32));
}

const fileName = 'secret-key';

/** The stored key. It is generated if missing; processes that do so at the same time get the same key. */
export async function loadOrCreateSecretKey(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, fileName);
  const stored = await findStoredSecretKey(dataDirectory);
  if (stored !== undefined) return stored;
  await makePrivateDirectory(dataDirectory);
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(draft, newSecretKey(), { mode: 0o600, flush: true });
  // A link, unlike a rename, fails when the file exists.
  await link(draft, path).catch(ignoreExisting);
  await rm(draft, { force: true });
  return await readFile(path, 'utf8');
}

/**
 * A new key for a directory without one, if no value in the database is sealed with another key.
 *
 * @param options.isInUse whether the database has sealed values
 * @param options.isStored whether the new key may be written to the directory
 * @throws Error that says which key is missing
 */
export async function requiredSecretKey(
  dataDirectory: string,
  { isInUse, isStored }: { readonly isInUse: boolean; readonly isStored: boolean },
): Promise<string> {
  if (isInUse) {
    throw new Error(
      `SECRET_KEY is not set, and ${dataDirectory} has none. Set the SECRET_KEY that this database was ` +
        'created with, or set GATEHOUSE_DATA_DIR to the directory that the server uses.',
    );
  }
  return isStored ? loadOrCreateSecretKey(dataDirectory) : newSecretKey();
}

/** The stored key, if it exists. */
export async function findStoredSecretKey(dataDirectory: string): Promise<string | undefined> {
  try {
    return await readFile(join(dataDirectory, fileName), 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function newSecretKey(): string {
  return randomBytes(48).toString('base64url');
}

function ignoreExisting(error: unknown): void {
  if (!isCode(error, 'EEXIST')) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
