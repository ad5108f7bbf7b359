/** Finds a quotation mark of a CSV file that nothing closes: the parser reports the line in which it notices this. */
import { readText } from './text-file.ts';

const quote = 0x22;
const lineFeed = 0x0a;

/** The line in which a quoted value begins that does not end, or that has more bytes than the maximum. */
export async function lineOfOpenQuote(path: string, maxBytes: number): Promise<number | undefined> {
  let line = 1;
  let bytes = 0; // of the present value
  let opening: number | undefined;
  for await (const chunk of readText(path)) {
    for (const byte of chunk) {
      bytes += 1;
      if (byte === lineFeed) line += 1;
      if (byte !== quote) continue;
      if (opening !== undefined && bytes > maxBytes) return opening;
      // A doubled quotation mark closes the value and opens it again.
      opening = opening === undefined ? line : undefined;
      bytes = 0;
    }
    if (opening !== undefined && bytes > maxBytes) return opening;
  }
  return opening;
}
