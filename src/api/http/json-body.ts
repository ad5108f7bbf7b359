/**
 * JSON as it may come from outside (RFC 8259), read so that nobody else can read it differently: each
 * key once, no key that means something to JavaScript, numbers that are numbers, little nesting.
 */
import { isUtf8 } from 'node:buffer';
import { HttpError } from './responses.ts';

const refusedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/** @throws HttpRefusal 400 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw new HttpError(400, 'The body is not UTF-8.');
  const text = bytes.toString('utf8');
  const value = parsed(text);
  // After the parser, so that this only has to understand what is well-formed.
  requireUnambiguous(text, maxDepth);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400);
  }
}

const isNumberStart = /[-\d]/;
/** From where the last one ended. */
const number = /[-+.\deE]+/y;

/** Runs over the text once and keeps one set per open object. */
function requireUnambiguous(text: string, maxDepth: number): void {
  /** The keys so far of each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string; // within the text
    if (character === '"') {
      const end = endOfText(text, at);
      if (isKey(text, end)) addKey(open.at(-1), readText(text.slice(at, end + 1)));
      at = end;
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > maxDepth) throw new HttpError(400, 'The body is nested too deeply.');
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (isNumberStart.test(character)) {
      number.lastIndex = at;
      requireFinite(number.exec(text)?.[0] ?? '');
      at = number.lastIndex - 1;
    }
  }
}

/** Where the text that begins at `start` ends: at the next quote that is not escaped. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/** @param written a JSON text with its quotes */
function readText(written: string): string {
  return written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);
}

const colonNext = /[ \t\r\n]*:/y;

/** Whether the text that ends there is a key. */
function isKey(text: string, end: number): boolean {
  colonNext.lastIndex = end + 1;
  return colonNext.test(text);
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (refusedKeys.has(key)) throw new HttpError(400, 'A key of the body is not allowed.');
  if (keys?.has(key)) throw new HttpError(400, 'A key stands in the body twice.');
  keys?.add(key);
}

function requireFinite(token: string): void {
  if (!Number.isFinite(Number(token))) {
    throw new HttpError(400, 'A number in the body is too large.');
  }
}
