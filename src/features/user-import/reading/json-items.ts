/**
 * Reads the items of large JSON arrays one by one, in bounded memory. Broken JSON is refused with its position.
 * Messages never contain text of the file.
 */
import { Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { maxPersonBytes } from './lines.ts';
import { withoutDeepValues } from './records.ts';
import { describePosition, fileProblem, type OnChunk, readText } from './text-file.ts';

export interface JsonItem {
  /** The name of the array in the root object, or of the value itself; undefined for items of a root array. */
  readonly section: string | undefined;
  readonly value: unknown;
  /** Why the value cannot be a person. */
  readonly fault: 'too large' | undefined;
}

/** A path of values: `$.*` are the items of a root array, `$.users.*` those of `users` in a root object. */
type JsonPath = `$.${string}`;

/** Other parts of the file, such as the clients of a Keycloak realm, can be much larger than a person. */
const maxItemBytes = 64 * 1024 * 1024;
/** More than PostgreSQL stores, so that the data of one person does not end the import of all. */
const maxDepth = 100_000;

/**
 * The values at the paths, in batches.
 *
 * @throws VALIDATION_FAILED for a file that is no JSON, is cut off, or is no text
 */
export async function* readJsonItems(
  path: string,
  paths: readonly JsonPath[],
  onChunk?: OnChunk,
): AsyncGenerator<readonly JsonItem[], void, undefined> {
  const parser = new ItemParser(paths);
  let offset = 0;
  let markBytes = 0;
  for await (const bytes of readText(path, (chunk) => {
    if (offset === 0 && markBytes === 0 && chunk[0] === 0xef) markBytes = 3;
    onChunk?.(chunk);
  })) {
    try {
      parser.write(bytes);
    } catch (error) {
      const position = await describePosition(path, parser.offset + markBytes);
      throw fileProblem(
        error instanceof JsonLimit
          ? `${error.message} See ${position}.`
          : `The file is not valid JSON at ${position}.`,
      );
    }
    offset += bytes.length;
    yield parser.take();
  }
  if (parser.isComplete()) return;
  const position = await describePosition(path, offset + markBytes);
  throw fileProblem(`The file is cut off: its JSON ends in the middle, at ${position}.`);
}

/** The first value at the path in the beginning of a file; undefined if the beginning does not have a whole one. */
export function firstJsonItem(beginning: Buffer, path: JsonPath): unknown {
  const parser = new ItemParser([path]);
  try {
    parser.write(beginning);
  } catch {
    // The values before the fault count.
  }
  return parser.take()[0]?.value;
}

/** The file has more than the parser keeps in memory. */
class JsonLimit extends Error {}

class ItemParser {
  /** The offset of the last token. */
  offset = 0;
  #itemStart = 0;
  #depth = 0;
  #items: JsonItem[] = [];
  readonly #tokenizer = new Tokenizer();
  readonly #parser: TokenParser;

  constructor(paths: readonly JsonPath[]) {
    this.#parser = new TokenParser({ paths: [...paths], keepStack: false });
    this.#tokenizer.onToken = (token) => {
      this.offset = token.offset;
      this.#countLevel(token.token);
      this.#parser.write(token);
    };
    this.#parser.onValue = ({ value, key, stack }) => {
      const section = stack.length > 1 ? stack[1]?.key : key;
      this.#items.push({
        section: typeof section === 'string' ? section : undefined,
        value: withoutDeepValues(value),
        fault: this.offset - this.#itemStart > maxPersonBytes ? 'too large' : undefined,
      });
      this.#itemStart = this.offset;
    };
  }

  write(bytes: Buffer): void {
    this.#tokenizer.write(bytes);
    if (this.offset - this.#itemStart > maxItemBytes) {
      throw new JsonLimit('The file has a value with more than 64 MiB.');
    }
  }

  /** The items since the last call. */
  take(): readonly JsonItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  isComplete(): boolean {
    return this.#parser.isEnded;
  }

  #countLevel(token: TokenType): void {
    if (token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET) this.#depth += 1;
    if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) this.#depth -= 1;
    if (this.#depth > maxDepth) {
      throw new JsonLimit(`The file has values in more than ${maxDepth} levels.`);
    }
  }
}
