/** The parser of the metadata of an imported person. */
import type { JsonObject } from '../../../core/json.ts';
import { parseMetadata } from '../../users/metadata.ts';
import { correctLine, type FieldReader, isMissing, Refusal, tryParse } from './fields.ts';

/**
 * With `isPartial` the values that are not valid, or that make the metadata too long, are left out: people write
 * metadata of their own at other systems, and must not be able to prevent the import of their account.
 *
 * @throws Refusal for metadata that is not valid, without `isPartial`
 */
export function parseObject(
  reader: FieldReader,
  raw: unknown,
  isPartial: boolean,
): JsonObject | undefined {
  if (isMissing(raw)) return undefined;
  const parsed = tryParse(() => parseMetadata(raw));
  if ('value' in parsed) return parsed.value;
  if (!isPartial) throw new Refusal('metadata', parsed.fault, correctLine);
  const { kept, leftOut } = validPart(raw);
  for (const name of leftOut) {
    reader.note('metadata', `A value of ${name} is too long or not valid. It was left out.`);
  }
  return kept;
}

/** The values that are valid together, in the order of the names. Readers put the most important ones first. */
function validPart(raw: object) {
  let kept: JsonObject = {};
  const leftOut: string[] = [];
  const add = (next: Readonly<Record<string, unknown>>): boolean => {
    const parsed = tryParse(() => parseMetadata(next));
    if ('value' in parsed) kept = parsed.value;
    return 'value' in parsed;
  };
  for (const [name, value] of Object.entries(raw)) {
    if (add({ ...kept, [name]: value })) continue;
    leftOut.push(name);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
    for (const [key, item] of shortestFirst(value)) {
      const member = kept[name];
      const members = typeof member === 'object' && member !== null ? member : {};
      add({ ...kept, [name]: { ...members, [key]: item } });
    }
  }
  return { kept, leftOut };
}

function shortestFirst(value: object): readonly [name: string, value: unknown][] {
  const sizes = Object.entries(value).map(
    ([name, item]) => [name.length + JSON.stringify(item).length, name, item] as const,
  );
  return sizes.sort(([one], [other]) => one - other).map(([, name, item]) => [name, item]);
}
