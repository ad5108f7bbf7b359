/** Text from outside of the process, such as files and pipes: UTF-8, or refused. */
import { isUtf8 } from 'node:buffer';

/** The bytes are no UTF-8; the message ends a sentence that names where they come from. */
export class EncodingError extends Error {
  override name = 'EncodingError';
}

/**
 * The text of UTF-8 bytes, without a byte order mark at their beginning. Replacement characters would
 * make different passwords, names and settings alike.
 *
 * @throws EncodingError
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) throw new EncodingError('is UTF-16: save it as UTF-8');
  if (!isUtf8(bytes)) throw new EncodingError('is not UTF-8: save it as UTF-8');
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // takes the byte order mark off
}
