/** What the reader of a file gets from the arguments of `import users`. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ReaderOptions } from '../../../features/user-import/source.ts';
import { UsageError } from '../../errors.ts';
import { decodeInput } from '../../io.ts';

interface ReaderArguments {
  readonly inactive: 'disabled' | 'pending';
  readonly 'emails-verified': boolean;
  readonly 'hash-config': string | undefined;
  readonly 'user-model': string | undefined;
}

export interface ReaderInput {
  readonly options: ReaderOptions;
  /** SHA-256 of the file with parameters of hashes, in hexadecimal digits. */
  readonly hashConfigDigest: string | null;
}

/** @throws UsageError for a file with parameters of hashes that cannot be read */
export async function readerInputOf(args: ReaderArguments): Promise<ReaderInput> {
  const hashConfig = await readHashConfig(args['hash-config']);
  const userModel = args['user-model'];
  return {
    options: {
      inactive: args.inactive === 'pending' ? 'PENDING' : 'DISABLED',
      isEmailVerified: args['emails-verified'],
      now: new Date(),
      ...(hashConfig !== undefined && { hashConfig }),
      ...(userModel !== undefined && { userModel }),
    },
    hashConfigDigest:
      hashConfig === undefined ? null : createHash('sha256').update(hashConfig).digest('hex'),
  };
}

async function readHashConfig(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UsageError(`The file of --hash-config cannot be read: ${error.message}`);
  });
  return decodeInput(path, bytes);
}
