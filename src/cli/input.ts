/** What a command reads from files and pipes: text in UTF-8, or a usage error that names the source. */
import { decodeUtf8, EncodingError } from '../core/text.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';

/** Everything that standard input holds. */
export async function bytesOf(stdin: Terminal['stdin']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** @throws UsageError for bytes that are no UTF-8 */
export function decodeInput(source: string, bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw error instanceof EncodingError ? new UsageError(`${source} ${error.message}.`) : error;
  }
}

/** An answer typed at a terminal, which has replaced bytes of other encodings. @throws UsageError */
export function requireUtf8Answer(answer: string): string {
  if (!answer.includes('\ufffd')) return answer;
  throw new UsageError('The terminal sent text that is not UTF-8: set its encoding to UTF-8.');
}
