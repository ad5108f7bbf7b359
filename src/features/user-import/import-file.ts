/** Opens the file of an import in its format, validates its groups and permissions, and computes its digest. */
import { createHash } from 'node:crypto';
import { parseFormatName, readerOf, recognizeFormat } from './formats/choose-format.ts';
import type { PeopleSource, ReaderOptions } from './source.ts';
import { parseDefinitions } from './validation/definitions.ts';

export interface ImportFile {
  readonly format: string;
  readonly source: PeopleSource;
  /** SHA-256. */
  readonly digest: Buffer;
}

/**
 * @param format a name of a format; without it the beginning of the file decides
 * @throws VALIDATION_FAILED for an unknown format, and for a file that is not readable or not of the format
 */
export async function openImportFile(
  path: string,
  format: string | undefined,
  options: Omit<ReaderOptions, 'onChunk'>,
): Promise<ImportFile> {
  const name = format === undefined ? await recognizeFormat(path) : parseFormatName(format);
  const digest = createHash('sha256');
  const onChunk = (bytes: Uint8Array) => void digest.update(bytes);
  const source = await readerOf(name)(path, { ...options, onChunk });
  const { notes, ...definitions } = parseDefinitions(source);
  const summary = [...(source.summary ?? []), ...notes];
  return { format: name, source: { ...source, ...definitions, summary }, digest: digest.digest() };
}
