/**
 * Reads the file of `firebase auth:export users.json`: an object with `users`. Source:
 * https://github.com/firebase/firebase-tools/blob/master/src/accountExporter.ts. The parameters of its hashes are not
 * in the file: the console shows them as `hash_config` (https://github.com/firebase/scrypt).
 */
import { Problem } from '../../../core/errors.ts';
import type { FileNotes } from '../reading/file-notes.ts';
import { readJsonItems } from '../reading/json-items.ts';
import { readArray, recordOf } from '../reading/objects.ts';
import { openRecords, type SourceObject, type SourceRecord } from '../reading/records.ts';
import { fileProblem, firstCharacter, type OnChunk } from '../reading/text-file.ts';
import {
  base64Of,
  firstText,
  isAbsent,
  makePerson,
  metadataOf,
  namesOf,
  objectOf,
  parseJson,
  partOf,
  timeOfMilliseconds,
  verificationOf,
} from '../reading/values.ts';
import type {
  OpenPeople,
  ReaderOptions,
  SourceFault,
  SourceFields,
  SourcePerson,
} from '../source.ts';

export const openFirebase: OpenPeople = async (path, options) => {
  const parameters = options.hashConfig === undefined ? undefined : readConfig(options.hashConfig);
  return openRecords(
    {
      read: (onChunk) => readUsers(path, onChunk),
      convert: (record, notes) => convert(record, notes, { parameters, options }),
    },
    options,
  );
};

async function* readUsers(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<readonly (SourceRecord | SourceFault)[]> {
  const first = await firstCharacter(path);
  if (first === '[') return yield* readArray(path, onChunk);
  if (first !== '{') {
    throw fileProblem(
      'Is not JSON. The CSV of Firebase has no header: use auth:export users.json.',
    );
  }
  let position = 0;
  for await (const batch of readJsonItems(path, ['$.users.*'], onChunk)) {
    yield batch.map((item) => {
      position += 1;
      return recordOf(item, position);
    });
  }
  if (position === 0) throw fileProblem('The file has no people: an object with a list "users".');
}

/** The parameters of all hashes of a project, in the notation of Supabase. */
type HashParameters = string;

interface FirebaseContext {
  readonly parameters: HashParameters | undefined;
  readonly options: ReaderOptions;
}

function convert(
  { position, value }: SourceRecord,
  notes: FileNotes,
  { parameters, options }: FirebaseContext,
): SourcePerson | SourceFault {
  if (firstText(value.localId) === undefined) {
    return { position, message: 'The person has no localId.', email: value.email };
  }
  const hash = base64Of(value.passwordHash);
  if (hash !== undefined && parameters === undefined) throw needsConfig();
  if (has(value.mfaInfo)) notes.add('mfaInfo', 'The second factors are not imported.');
  const fields: SourceFields = {
    externalId: value.localId,
    email: value.email,
    ...namesOf(undefined, undefined, value.displayName),
    status: value.disabled === true ? 'DISABLED' : 'ACTIVE',
    passwordHash: hash && `${parameters}$${base64Of(value.salt) ?? ''}$${hash}`,
    createdAt: timeOfMilliseconds(value.createdAt),
    lastLoginAt: timeOfMilliseconds(value.lastSignedInAt ?? value.lastLoginAt),
    metadata: metadataOfUser(value, notes),
  };
  const isVerified = verificationOf(value.emailVerified);
  return makePerson(position, fields, { options, isVerified });
}

function has(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : !isAbsent(value);
}

function metadataOfUser(value: SourceObject, notes: FileNotes): SourceObject | undefined {
  const claims = objectOf(value.customAttributes);
  const providers = Array.isArray(value.providerUserInfo)
    ? value.providerUserInfo.map((info) => objectOf(info)?.providerId).filter(has)
    : [];
  return metadataOf([
    ['claims', claims && partOf(claims, notes)],
    ['phone', value.phoneNumber],
    ['photoUrl', value.photoUrl],
    ['providers', providers.length > 0 ? providers : undefined],
  ]);
}

function configProblem(message: string): Problem {
  return new Problem('VALIDATION_FAILED', { fields: [{ path: 'hashConfig', message }] });
}

function needsConfig(): Problem {
  return configProblem(
    'The file has password hashes. Copy the password hash parameters of the Firebase console ' +
      '(Authentication, Users, menu) to a file and name it with --hash-config.',
  );
}

/** Reads JSON, or the text of the console: `hash_config { algorithm: SCRYPT, base64_signer_key: …, … }`. */
function readConfig(text: string): HashParameters {
  const json = objectOf(text.trim());
  const entries = json
    ? Object.entries(objectOf(json.hash_config ?? json.hashConfig) ?? json)
    : [...text.matchAll(/(\w+)\s*:\s*"?([^\s,"}]+)/g)].map(([, name = '', value]) => [name, value]);
  const values = new Map(entries.map(([name, value]) => [shortName(String(name)), value]));
  const signerKey = base64Of(values.get('signerkey'));
  const saltSeparator = base64Of(values.get('saltseparator'));
  const rounds = parameterOf(values.get('rounds'));
  const memoryCost = parameterOf(values.get('memcost') ?? values.get('memorycost'));
  if (!/^scrypt$/i.test(String(values.get('algorithm') ?? 'scrypt'))) {
    throw configProblem('The algorithm must be SCRYPT.');
  }
  if (!signerKey || !saltSeparator || !rounds || !memoryCost) {
    throw configProblem(
      'Must have base64_signer_key, base64_salt_separator, rounds and mem_cost, as in the console.',
    );
  }
  return `$fbscrypt$v=1,n=${memoryCost},r=${rounds},p=1,ss=${saltSeparator},sk=${signerKey}`;
}

/** `signerkey` for `base64_signer_key` and `signerKey`. */
function shortName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^base64_/, '')
    .replaceAll('_', '');
}

/** A whole number of at most three digits. */
function parameterOf(value: unknown): number | undefined {
  const number = typeof value === 'string' ? parseJson(value) : value;
  const isValid = Number.isInteger(number) && Number(number) > 0 && Number(number) < 1000;
  return isValid ? Number(number) : undefined;
}
