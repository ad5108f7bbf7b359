/**
 * Parses JSON of requests (RFC 8259) without ambiguity, so that no other parser understands it differently:
 * no duplicate keys, no keys with a meaning in JavaScript, no infinite numbers, limited nesting.
 */
import { isUtf8 } from 'node:buffer';
import { HttpError } from './responses.ts';

const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/** @throws HttpError 400 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw new HttpError(400, 'The request body is not valid UTF-8.');
  const text = bytes.toString('utf8');
  const value = parse(text);
  // Comes after the parser, because it expects valid JSON.
  assertUnambiguous(text, maxDepth);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400);
  }
}

const isNumberStart = /[-\d]/;
/** Matches at `lastIndex`. */
const number = /[-+.\deE]+/y;

/** Scans the text once, with one set of keys for each open object. */
function assertUnambiguous(text: string, maxDepth: number): void {
  /** The keys of each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string; // within the text
    if (character === '"') {
      const end = endOfString(text, at);
      if (isKey(text, end)) addKey(open.at(-1), parseString(text.slice(at, end + 1)));
      at = end;
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > maxDepth)
        throw new HttpError(400, 'The request body is nested too deeply.');
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (isNumberStart.test(character)) {
      number.lastIndex = at;
      assertFinite(number.exec(text)?.[0] ?? '');
      at = number.lastIndex - 1;
    }
  }
}

/** The index of the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/** @param written a JSON string with its quotes */
function parseString(written: string): string {
  return written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);
}

const colonNext = /[ \t\r\n]*:/y;

/** Whether the string that ends at `end` is a key. */
function isKey(text: string, end: number): boolean {
  colonNext.lastIndex = end + 1;
  return colonNext.test(text);
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (forbiddenKeys.has(key))
    throw new HttpError(400, 'The request body has a key that is not allowed.');
  if (keys?.has(key)) throw new HttpError(400, 'The request body has a duplicate key.');
  keys?.add(key);
}

function assertFinite(token: string): void {
  if (!Number.isFinite(Number(token))) {
    throw new HttpError(400, 'The request body has a number that is too large.');
  }
}
