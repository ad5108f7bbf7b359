/**
 * Types of JSON values, and a strict parser of JSON (RFC 8259). It refuses a value that another parser could read
 * differently: duplicate keys, keys with a meaning in JavaScript, infinite numbers, deep nesting.
 */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** The JSON is not valid. The message continues a sentence that begins with its source; undefined for a syntax error. */
export class JsonFault extends Error {
  readonly reason: string | undefined;

  constructor(reason?: string) {
    super(reason ?? 'is not valid JSON');
    this.reason = reason;
  }
}

/** @throws JsonFault */
export function parseStrictJson(text: string, maxLevels: number): unknown {
  const value = parse(text);
  // JSON.parse keeps the last of several equal keys, so the value has fewer keys than the text.
  if (countKeys(value, maxLevels) < countWrittenKeys(text))
    throw new JsonFault('has a duplicate key');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonFault();
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
 * @throws JsonFault for a value with a forbidden key, an infinite number or too many levels
 */
function countKeys(value: unknown, levels: number): number {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new JsonFault('has a number that is too large');
  }
  if (typeof value !== 'object' || value === null) return 0;
  if (levels === 0) throw new JsonFault('is nested too deeply');
  if (Object.hasOwn(value, '__proto__') || Object.hasOwn(value, 'constructor')) {
    throw new JsonFault('has a key that is not allowed');
  }
  const members: unknown[] = Object.values(value);
  let count = Array.isArray(value) ? 0 : members.length;
  for (const member of members) count += countKeys(member, levels - 1);
  return count;
}
