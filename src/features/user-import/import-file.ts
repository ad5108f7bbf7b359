/** Opens the file of an import in its format, validates its groups and permissions, and computes its digest. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readerOf, recognizeFormat } from './formats/choose-format.ts';
import type { FormatName } from './formats/format-names.ts';
import { fileProblem, firstCharacter } from './reading/text-file.ts';
import type { PeopleSource, PositionUnit, ReaderOptions } from './source.ts';
import { parseDefinitions } from './validation/definitions.ts';

export interface ImportFile {
  readonly format: string;
  readonly source: PeopleSource;
  readonly unit: PositionUnit;
  /** SHA-256. */
  readonly digest: Buffer;
  /** @throws VALIDATION_FAILED when the file has changed since it was opened */
  readonly assertUnchanged: () => Promise<void>;
}

/**
 * @param format without it the beginning of the file decides
 * @throws VALIDATION_FAILED for a file that is not readable or not of the format
 */
export async function openImportFile(
  path: string,
  format: FormatName | undefined,
  options: Omit<ReaderOptions, 'onChunk'>,
): Promise<ImportFile> {
  const before = await stateOf(path);
  const name = format ?? (await recognizeFormat(path));
  const digest = createHash('sha256');
  const onChunk = (bytes: Uint8Array) => void digest.update(bytes);
  const source = await readerOf(name)(path, { ...options, onChunk });
  const { notes, ...definitions } = parseDefinitions(source);
  const summary = [...(source.summary ?? []), ...notes];
  const assertUnchanged = async () => {
    if ((await stateOf(path)) !== before) throw fileProblem(changedMessage);
  };
  await assertUnchanged();
  return {
    format: name,
    source: { ...source, ...definitions, summary },
    unit: await unitOf(name, path),
    digest: digest.digest(),
    assertUnchanged,
  };
}

const changedMessage =
  'The file changed during the import, which has stopped. What it stored stays. Import the file again.';

/** Every write to a file changes its times, and another file at the path has another number. */
async function stateOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join() : 'none';
}

const formatsWithNumbers: readonly FormatName[] = ['django', 'firebase', 'keycloak'];

/** An array has people at any line, so their readers count people. */
async function unitOf(format: FormatName, path: string): Promise<ImportFile['unit']> {
  const isCounted = formatsWithNumbers.includes(format) || (await firstCharacter(path)) === '[';
  return isCounted ? 'person' : 'line';
}
