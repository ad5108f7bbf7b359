/** The parser of a user's metadata: a JSON object that PostgreSQL and JavaScript keep without a change. */
import type { JsonObject } from '../../core/json.ts';
import { maxMetadataBytes } from '../../core/max-lengths.ts';
import { rejectValue } from '../../core/parse.ts';

/** Levels of objects and lists, with the object itself. The variables of a GraphQL operation can have one more. */
const maxLevels = 8;

/** Keys that programs in JavaScript take for the prototype of the object. The interfaces refuse them in every body. */
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/**
 * A JSON object of at most 8 KiB. It is copied, so that it has no prototypes and getters of its source. Texts and
 * keys have no U+0000, which PostgreSQL cannot store.
 */
export function parseMetadata(raw: unknown): JsonObject {
  if (!isObject(raw)) rejectValue('Must be an object, such as {"plan": "pro"}.');
  assertValue(raw, maxLevels);
  const text = JSON.stringify(raw);
  if (Buffer.byteLength(text) > maxMetadataBytes) {
    rejectValue(`Must not be longer than ${maxMetadataBytes} bytes as JSON.`);
  }
  return JSON.parse(text) as JsonObject; // checked above
}

/** An object without a class, also one without a prototype as GraphQL literals are. */
function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function assertValue(value: unknown, levels: number): void {
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') assertText(value);
  else if (typeof value === 'number') assertNumber(value);
  else assertMembers(value, levels);
}

function assertMembers(value: unknown, levels: number): void {
  if (levels === 0) rejectValue(`Must not have more than ${maxLevels} levels.`);
  if (Array.isArray(value)) {
    for (const item of value) assertValue(item, levels - 1);
    return;
  }
  if (!isObject(value)) rejectValue('Must have JSON values only.');
  for (const [key, member] of Object.entries(value)) {
    if (forbiddenKeys.has(key)) rejectValue('Must not have the keys __proto__ and constructor.');
    assertText(key);
    assertValue(member, levels - 1);
  }
}

function assertText(text: string): void {
  if (!text.isWellFormed()) rejectValue('Must be well-formed Unicode.');
  if (text.includes('\0')) rejectValue('Must not contain the character U+0000.');
}

/**
 * JavaScript rounds larger whole numbers. PostgreSQL writes a number without an exponent, in up to 300 digits, so the
 * stored object could exceed its limit.
 */
function assertNumber(value: number): void {
  const isKept = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (isKept && !String(value).includes('e')) return;
  rejectValue(
    'Must have numbers up to 9007199254740991, and not smaller than 0.000001: give others as texts.',
  );
}
