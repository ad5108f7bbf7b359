/**
 * Splits the text of a CSV file into rows, in bounded memory (RFC 4180). A row ends with CRLF, LF or CR. A fault that
 * leaves the end of the row in doubt ends the file, because text of a value could otherwise pass for a row.
 */
import { fileProblem } from './text-file.ts';

export interface CsvRow {
  /** The lines of its beginning and its end. */
  readonly position: number;
  readonly lastLine: number;
  /** Empty for a row with a fault. */
  readonly values: readonly string[];
  readonly fault: CsvFault | undefined;
}

export type CsvFault = 'too large' | 'stray quote';

/** Where the next character is: `closed` is after a quotation mark in a quoted value, which can be doubled. */
type State = 'start' | 'plain' | 'quoted' | 'closed';

const quote = '"';

export class CsvRows {
  readonly #delimiter: string;
  readonly #maxBytes: number;
  #state: State = 'start';
  #line = 1;
  /** The line of the last quotation mark that opened a value. */
  #opening = 1;
  #position = 1;
  #isAfterReturn = false;
  #values: string[] = [];
  #value = '';
  /** Whether the value has spaces only. */
  #isBlank = true;
  /** Characters of the row. */
  #length = 0;
  #fault: CsvFault | undefined;
  #rows: CsvRow[] = [];

  constructor(delimiter: string, maxBytes: number) {
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
  }

  /**
   * The rows that the text completes.
   *
   * @param text ends after a whole character
   * @throws VALIDATION_FAILED for a quotation mark that leaves the end of its row in doubt
   */
  read(text: string): readonly CsvRow[] {
    let at = 0;
    while (at < text.length) {
      const next = this.#endOfRun(text, at);
      if (next > at) this.#add(text.slice(at, next));
      if (next < text.length) this.#take(text[next] ?? '');
      at = next + 1;
    }
    return this.#takeRows();
  }

  /** The last row. @throws VALIDATION_FAILED for a quoted value that does not end */
  end(): readonly CsvRow[] {
    if (this.#state === 'quoted') {
      throw fileProblem(
        `Line ${this.#opening} begins a quoted value that does not end. The file can be cut off.`,
      );
    }
    if (this.#state !== 'start' || this.#length > 0) this.#endRow();
    return this.#takeRows();
  }

  /** The index of the next character with a meaning. */
  #endOfRun(text: string, start: number): number {
    let at = start;
    for (; at < text.length; at += 1) {
      const character = text[at];
      if (character === quote || character === '\n' || character === '\r') break;
      if (character === this.#delimiter) break;
    }
    return at;
  }

  /** Adds characters without a meaning to the value. */
  #add(run: string): void {
    if (this.#state === 'closed') this.#refuseTextAfterQuotes();
    if (this.#state === 'start') this.#state = 'plain';
    this.#isAfterReturn = false;
    this.#isBlank &&= run.trim() === '';
    this.#length += run.length;
    if (this.#length > this.#maxBytes) this.#fault ??= 'too large';
    if (this.#fault === undefined) this.#value += run;
    else this.#value = '';
  }

  /** Takes a quotation mark, a delimiter or a part of a line break. */
  #take(character: string): void {
    const isSecondOfBreak = character === '\n' && this.#isAfterReturn;
    this.#isAfterReturn = character === '\r';
    const isBreak = character === '\n' || character === '\r';
    if (this.#state === 'quoted') {
      if (character === quote) this.#state = 'closed';
      else this.#addQuoted(character);
      if (isBreak && !isSecondOfBreak) this.#line += 1;
    } else if (character === quote) this.#takeQuote();
    else if (character === this.#delimiter) this.#endValue();
    else if (isSecondOfBreak) this.#position = this.#line;
    else {
      this.#endRow();
      this.#line += 1;
      this.#position = this.#line;
    }
  }

  #addQuoted(character: string): void {
    const isAfterReturn = this.#isAfterReturn;
    this.#add(character);
    this.#isAfterReturn = isAfterReturn;
  }

  #takeQuote(): void {
    if (this.#state === 'closed') {
      this.#state = 'quoted';
      this.#add(quote);
    } else if (this.#state === 'start') {
      this.#state = 'quoted';
      this.#opening = this.#line;
    } else if (this.#isBlank) {
      throw fileProblem(
        `Line ${this.#line} has a space before a quotation mark. Remove spaces around quoted values.`,
      );
    } else this.#fault ??= 'stray quote';
  }

  #refuseTextAfterQuotes(): never {
    const begin = this.#opening === this.#line ? '' : ` The value begins in line ${this.#opening}.`;
    throw fileProblem(
      `Line ${this.#line} has text after a closing quotation mark. Write " as "".${begin}`,
    );
  }

  #endValue(): void {
    this.#length += 1;
    if (this.#fault === undefined) this.#values.push(this.#value);
    this.#value = '';
    this.#isBlank = true;
    this.#state = 'start';
    if (this.#length > this.#maxBytes) this.#fault ??= 'too large';
  }

  #endRow(): void {
    const isEmptyLine = this.#state === 'start' && this.#length === 0;
    this.#endValue();
    if (this.#fault === undefined && this.#bytes() > this.#maxBytes) this.#fault = 'too large';
    if (!isEmptyLine) {
      const values = this.#fault === undefined ? this.#values : [];
      this.#rows.push({
        position: this.#position,
        lastLine: this.#line,
        values,
        fault: this.#fault,
      });
    }
    this.#values = [];
    this.#length = 0;
    this.#fault = undefined;
  }

  #bytes(): number {
    if (3 * this.#length <= this.#maxBytes) return 0; // cannot be too large
    return this.#values.reduce((sum, value) => sum + Buffer.byteLength(value) + 1, 0);
  }

  #takeRows(): readonly CsvRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }
}
