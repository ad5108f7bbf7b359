/** Chooses the reader of a file: by name, or by the beginning of the file and the end of its name. */
import { extname } from 'node:path';
import { readCsvHeader } from '../reading/csv-records.ts';
import { firstJsonItem } from '../reading/json-items.ts';
import { isObject, type SourceObject } from '../reading/records.ts';
import { fileProblem, readText } from '../reading/text-file.ts';
import { parseJson } from '../reading/values.ts';
import type { OpenPeople } from '../source.ts';
import { openAuth0 } from './auth0.ts';
import { openCsv } from './csv.ts';
import { openDjango } from './django.ts';
import { openFirebase } from './firebase.ts';
import { type FormatName, formatNames } from './format-names.ts';
import { openJsonl } from './jsonl.ts';
import { openKeycloak } from './keycloak.ts';
import { openSupabase } from './supabase.ts';

const readers = {
  jsonl: openJsonl,
  csv: openCsv,
  django: openDjango,
  keycloak: openKeycloak,
  supabase: openSupabase,
  auth0: openAuth0,
  firebase: openFirebase,
} as const satisfies Record<FormatName, OpenPeople>;

/** The reader of a format. */
export function readerOf(format: FormatName): OpenPeople {
  return readers[format];
}

/**
 * The format of a file, from its beginning. The end of the name, such as `.csv`, decides for a file that the
 * beginning does not explain.
 *
 * @throws VALIDATION_FAILED for a file of which the format is not clear, with the names of the formats
 */
export async function recognizeFormat(path: string): Promise<FormatName> {
  const beginning = await beginningOf(path);
  const text = beginning.toString('utf8').trimStart();
  const format = /^[[{]/.test(text) ? formatOfJson(text, beginning) : await formatOfTable(path);
  const known = format ?? formatOfName(path);
  if (known !== undefined) return known;
  throw fileProblem(`The format is not clear. Choose it with --format: ${formatNames.join(', ')}.`);
}

async function beginningOf(path: string): Promise<Buffer> {
  for await (const bytes of readText(path)) return bytes;
  return Buffer.alloc(0);
}

const formatsOfNames: Readonly<Record<string, FormatName>> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

function formatOfName(path: string): FormatName | undefined {
  return formatsOfNames[extname(path).toLowerCase()];
}

function formatOfJson(text: string, beginning: Buffer): FormatName | undefined {
  const [line = ''] = text.split('\n', 1);
  const whole = parseJson(line);
  if (isObject(whole) && !Array.isArray(whole.users)) return formatOfObject(whole, 'line');
  if (text.startsWith('[')) {
    const first = firstJsonItem(beginning, '$.*');
    return isObject(first) ? formatOfObject(first, 'item') : undefined;
  }
  if (/"localId"\s*:/.test(text)) return 'firebase';
  return keycloakRealm.test(text) ? 'keycloak' : undefined;
}

/** Names that the export of a realm has at its beginning, or in its people. */
const keycloakRealm = /"(realm|credentialData|realmRoles|requiredActions|accessTokenLifespan)"\s*:/;

function formatOfObject(value: SourceObject, place: 'line' | 'item'): FormatName | undefined {
  const has = (...names: readonly string[]) => names.every((name) => Object.hasOwn(value, name));
  if (has('model', 'fields')) return 'django';
  if (has('encrypted_password') || has('raw_user_meta_data')) return 'supabase';
  if (has('_id') || has('user_id') || has('identities') || has('custom_password_hash')) {
    return 'auth0';
  }
  if (has('localId')) return 'firebase';
  if (has('username') && (has('enabled') || has('credentials') || has('createdTimestamp'))) {
    return 'keycloak';
  }
  const hasAddress = Object.keys(value).some((name) => name.toLowerCase() === 'email');
  return place === 'line' && hasAddress ? 'jsonl' : undefined;
}

async function formatOfTable(path: string): Promise<FormatName | undefined> {
  const header = await readCsvHeader(path).catch(() => []);
  const names = new Set(header.map((name) => name.toLowerCase()));
  if (names.has('encrypted_password') || names.has('raw_user_meta_data')) return 'supabase';
  if (names.has('user_id') && names.has('email_verified')) return 'auth0';
  return names.has('email') ? 'csv' : undefined;
}
