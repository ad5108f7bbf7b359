/**
 * Parses JSON of requests (RFC 8259) and refuses a value that another parser could read differently: duplicate
 * keys, keys with a meaning in JavaScript, infinite numbers, deep nesting.
 */
import { isUtf8 } from 'node:buffer';
import { HttpError } from './responses.ts';

/** @throws HttpError 400 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw new HttpError(400, 'The request body is not valid UTF-8.');
  const text = bytes.toString('utf8');
  const value = parse(text);
  // JSON.parse keeps the last of several equal keys, so the value has fewer keys than the text.
  if (countKeys(value, maxDepth) < countWrittenKeys(text)) {
    throw new HttpError(400, 'The request body has a duplicate key.');
  }
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400);
  }
}

/** A string of valid JSON, with the colon behind it if it is a key. */
const stringOrKey = /"(?:[^"\\]+|\\.)*"(?:\s*:)?/g;

function countWrittenKeys(text: string): number {
  const strings = text.match(stringOrKey) ?? [];
  return strings.filter((string) => string.endsWith(':')).length;
}

/**
 * Counts the keys of the value and of all values in it.
 *
 * @throws HttpError 400 for a value with a forbidden key, an infinite number or too many levels
 */
function countKeys(value: unknown, levels: number): number {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new HttpError(400, 'The request body has a number that is too large.');
  }
  if (typeof value !== 'object' || value === null) return 0;
  if (levels === 0) throw new HttpError(400, 'The request body is nested too deeply.');
  if (Object.hasOwn(value, '__proto__') || Object.hasOwn(value, 'constructor')) {
    throw new HttpError(400, 'The request body has a key that is not allowed.');
  }
  const members: unknown[] = Object.values(value);
  let count = Array.isArray(value) ? 0 : members.length;
  for (const member of members) count += countKeys(member, levels - 1);
  return count;
}
