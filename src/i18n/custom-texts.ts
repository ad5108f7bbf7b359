/**
 * Texts of an operator that replace built-in ones. The directory has a JSON file for each language, such as `en.json`,
 * with the keys of the built-in texts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeUtf8 } from '../core/text.ts';
import { type SupportedLocale, supportedLocales } from './locale.ts';
import { type BrandValues, placeholdersOf, translations } from './translate.ts';

/** The replaced texts of each language by their dotted keys. */
export type CustomTexts = Readonly<Record<SupportedLocale, Readonly<Record<string, string>>>>;

export const noCustomTexts: CustomTexts = { en: {}, es: {} };

/**
 * Reads and checks all files of the directory.
 *
 * @param values the values of the brand; a text may use those that are set
 */
export function readCustomTexts(
  directory: string,
  values: BrandValues,
): { texts: CustomTexts } | { faults: string[] } {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => !name.startsWith('.'));
  } catch (error) {
    return { faults: [`cannot be read: ${error instanceof Error ? error.message : directory}`] };
  }
  const texts: Record<SupportedLocale, Record<string, string>> = { en: {}, es: {} };
  const faults = names.flatMap((name) => {
    const locale = supportedLocales.find((supported) => name === `${supported}.json`);
    const languages = supportedLocales.map((supported) => `${supported}.json`).join(' and ');
    return locale === undefined
      ? [`${name}: only ${languages} are read; rename or remove this file`]
      : addTexts(texts[locale], { directory, name, values });
  });
  if (names.length === 0) faults.push(`has no en.json or es.json: ${directory}`);
  return faults.length > 0 ? { faults } : { texts };
}

/** Adds the texts of one file to `texts`. Returns its faults. */
function addTexts(
  texts: Record<string, string>,
  { directory, name, values }: { directory: string; name: string; values: BrandValues },
): string[] {
  let tree: unknown;
  try {
    tree = JSON.parse(decodeUtf8(readFileSync(join(directory, name))));
  } catch (error) {
    return [`${name} is not JSON: ${error instanceof Error ? error.message : ''}`];
  }
  if (!isTree(tree)) return [`${name} must be a JSON object with texts by key`];
  const leaves = leavesOf(tree);
  for (const [key, text] of leaves) if (typeof text === 'string') texts[key] = text;
  return leaves.flatMap(([key, text]) => faultsOf(key, text, values).map((it) => `${name}: ${it}`));
}

const builtIn: ReadonlyMap<string, unknown> = new Map(leavesOf(translations.en));

function faultsOf(key: string, text: unknown, values: BrandValues): string[] {
  if (!builtIn.has(key)) return [`${key} is no key of the built-in texts`];
  if (typeof text !== 'string' || text.trim() === '') return [`${key} must be a text`];
  // A built-in text that names a value is shown only if the value is set.
  const needed = placeholdersOf(String(builtIn.get(key)));
  const known = [...needed, ...Object.keys(values)];
  return placeholdersOf(text).flatMap((name) => {
    if (!known.includes(name)) {
      return [`${key} has the unknown variable {{${name}}}; it may use ${listOf(known)}`];
    }
    // The values of the brand that have no variable set are empty.
    return !needed.includes(name) &&
      Object.hasOwn(values, name) &&
      values[name as keyof BrandValues] === ''
      ? [`${key} uses {{${name}}}, which is not set in the environment`]
      : [];
  });
}

function listOf(names: readonly string[]): string {
  return [...new Set(names)].map((name) => `{{${name}}}`).join(', ');
}

function leavesOf(tree: object, above = ''): (readonly [key: string, value: unknown])[] {
  return Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
    isTree(value) ? leavesOf(value, `${above}${key}.`) : [[above + key, value] as const],
  );
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
