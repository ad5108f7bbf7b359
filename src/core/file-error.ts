/** Failures of the file system in plain words, for the messages of commands. */

/** A file cannot be read or written. The message is a sentence that names the file and the cause. */
export class FileError extends Error {
  override name = 'FileError';
}

const causes: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the file or its directory does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the system limits the size of files',
  EIO: 'the disk reports an input/output error',
  EMFILE: 'the process has too many open files',
  ENAMETOOLONG: 'the name is too long',
};

/** The cause of a failed call of the file system, for the end of a sentence. */
export function fileCause(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return causes[code] ?? `error ${code}`;
}
