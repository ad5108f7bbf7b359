/** Files for tests of readers, and what a reader makes of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../../../src/core/errors.ts';
import { readImportedHash } from '../../../../src/crypto/password/imported-hash.ts';
import { parseStoredHash } from '../../../../src/crypto/password/stored-hash/stored-hash.ts';
import { verifyHash } from '../../../../src/crypto/password/stored-hash/verify-hash.ts';
import {
  isFault,
  type OpenPeople,
  type PeopleSource,
  type ReaderOptions,
  type SourceFault,
  type SourcePerson,
} from '../../../../src/features/user-import/source.ts';

export const defaultOptions: ReaderOptions = {
  inactive: 'DISABLED',
  isEmailVerified: false,
  now: new Date('2026-11-29T12:00:00Z'),
};

/** The path of a file in `test/fixtures`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
}

/** Runs `use` with the path of a new file, and removes the file. */
export async function withFile<Result>(
  content: string | Uint8Array,
  use: (path: string) => Promise<Result>,
  name = 'people',
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-people-'));
  try {
    const path = join(directory, name);
    writeFileSync(path, content);
    return await use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export interface ReadFile extends Omit<PeopleSource, 'people'> {
  readonly people: readonly SourcePerson[];
  readonly faults: readonly SourceFault[];
}

/** Everything that a reader returns for a file. */
export async function readAll(
  open: OpenPeople,
  path: string,
  options: Partial<ReaderOptions> = {},
): Promise<ReadFile> {
  const source = await open(path, { ...defaultOptions, ...options });
  const people: SourcePerson[] = [];
  const faults: SourceFault[] = [];
  for await (const item of source.people) {
    if (isFault(item)) faults.push(item);
    else people.push(item);
  }
  return { ...source, people, faults };
}

/** The same for a file with the content. */
export function readContent(
  open: OpenPeople,
  content: string | Uint8Array,
  options: Partial<ReaderOptions> = {},
): Promise<ReadFile> {
  return withFile(content, (path) => readAll(open, path, options));
}

/** The message for a file that the reader refuses. */
export async function refusalOf(
  open: OpenPeople,
  content: string | Uint8Array,
  options: Partial<ReaderOptions> = {},
): Promise<string> {
  return await withFile(content, (path) => refusalOfPath(open, path, options));
}

export async function refusalOfPath(
  open: OpenPeople,
  path: string,
  options: Partial<ReaderOptions> = {},
): Promise<string> {
  const error = await open(path, { ...defaultOptions, ...options }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Problem)) throw new Error('the reader accepts the file', { cause: error });
  const [field] = error.fields;
  return `${error.code} ${field?.path}: ${field?.message}`;
}

/** The fields with a value. */
export function fieldsOf(person: SourcePerson | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(person?.fields ?? {}).filter(
      ([, value]) => value !== undefined && value !== null,
    ),
  );
}

/** Whether a hash can be stored and the password logs in with it. */
export function logsIn(hash: unknown, password: string): boolean {
  const imported = readImportedHash(String(hash));
  const stored = imported.kind === 'usable' ? parseStoredHash(imported.hash) : undefined;
  return stored !== undefined && verifyHash(stored, password);
}
