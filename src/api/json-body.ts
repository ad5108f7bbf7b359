/**
 * JSON as it may come from outside (RFC 8259), read so that nobody else can read it differently: each
 * key once, no key that means something to JavaScript, numbers that are numbers, little nesting.
 */
import { isUtf8 } from 'node:buffer';
import { HttpRefusal } from './http-refusal.ts';

const refusedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/** Texts, numbers and brackets of a text that is JSON; each is looked at once. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],:]/g;

/** @throws HttpRefusal 400 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw new HttpRefusal(400, 'The body is not UTF-8.');
  const text = bytes.toString('utf8');
  const value = parsed(text);
  // After the parser, so that this only has to understand what is well-formed.
  for (const key of keysOf(text, maxDepth)) {
    if (refusedKeys.has(key)) throw new HttpRefusal(400, 'A key of the body is not allowed.');
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpRefusal(400);
  }
}

/** Every key, in its order. Runs over the text once and keeps one set per open object. */
function* keysOf(text: string, maxDepth: number): Generator<string> {
  /** The keys so far of each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':')
      yield addedKey(open.at(-1), JSON.parse(last) as string); // a JSON text
    else if (!token.startsWith('"') && token !== ',') requireFinite(token);
    if (open.length > maxDepth) throw new HttpRefusal(400, 'The body is nested too deeply.');
    last = token;
  }
}

function addedKey(keys: Set<string> | undefined, key: string): string {
  if (keys?.has(key)) throw new HttpRefusal(400, 'A key stands in the body twice.');
  keys?.add(key);
  return key;
}

function requireFinite(token: string): void {
  if (!Number.isFinite(Number(token))) {
    throw new HttpRefusal(400, 'A number in the body is too large.');
  }
}
