/**
 * Keys for separate purposes, all derived from SECRET_KEY (HKDF, RFC 5869), so that a value made
 * for one purpose never passes for another.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateDirectory } from '../core/private-directory.ts';

export type KeyPurpose =
  | 'one-time-secret'
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

/** The kept key; of any number of processes that make one at the same time, one wins for all. */
export async function keptSecretKey(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, fileName);
  const kept = await findKeptSecretKey(dataDirectory);
  if (kept !== undefined) return kept;
  await makePrivateDirectory(dataDirectory);
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(draft, newSecretKey(), { mode: 0o600, flush: true });
  // A link, unlike a rename, fails where a key is already.
  await link(draft, path).catch(refuseUnlessThere);
  await rm(draft, { force: true });
  return await readFile(path, 'utf8');
}

/**
 * A key for a directory that has none, while nothing is sealed with another one yet.
 *
 * @param options.isInUse whether the database holds what was sealed with some key
 * @param options.isKept whether the new key may be written to the directory
 * @throws Error that says which key is missing
 */
export async function requiredSecretKey(
  dataDirectory: string,
  { isInUse, isKept }: { readonly isInUse: boolean; readonly isKept: boolean },
): Promise<string> {
  if (isInUse) {
    throw new Error(
      `SECRET_KEY is not set, and ${dataDirectory} holds none. Set the SECRET_KEY that this database was ` +
        'made with, or set GATEHOUSE_DATA_DIR to the directory that the server uses.',
    );
  }
  return isKept ? keptSecretKey(dataDirectory) : newSecretKey();
}

/** The kept key, if there is one. */
export async function findKeptSecretKey(dataDirectory: string): Promise<string | undefined> {
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

function refuseUnlessThere(error: unknown): void {
  if (!isCode(error, 'EEXIST')) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
