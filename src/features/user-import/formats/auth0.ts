/**
 * Reads exports of Auth0: the bulk export (JSON Lines or CSV), the export of password hashes by its support, and the
 * array of its import schema. Sources: https://auth0.com/docs/manage-users/user-migration/bulk-user-exports and those
 * of `auth0-password.ts`.
 */
import type { FileNotes } from '../reading/file-notes.ts';
import { readObjects } from '../reading/objects.ts';
import { isObject, openRecords, type SourceObject, type SourceRecord } from '../reading/records.ts';
import { firstCharacter } from '../reading/text-file.ts';
import {
  booleanOf,
  firstOf,
  firstText,
  localeOf,
  makePerson,
  metadataOf,
  namesOf,
  objectOf,
  objectsOf,
  partOf,
  timeOf,
  usernameUnlessEmail,
  verificationOf,
} from '../reading/values.ts';
import type {
  OpenPeople,
  ReaderOptions,
  SourceFault,
  SourceFields,
  SourcePerson,
} from '../source.ts';
import { auth0Password } from './auth0-password.ts';

export const openAuth0: OpenPeople = async (path, options) => {
  const isJson = /[[{]/.test((await firstCharacter(path)) ?? '');
  const unquote = ({ position, value }: SourceRecord) => ({
    position,
    value: withoutQuotes(value),
  });
  return openRecords(
    {
      read: (onChunk) => readObjects(path, onChunk),
      convert: (record, notes) => convert(isJson ? record : unquote(record), notes, options),
    },
    options,
  );
};

function convert(
  { position, value }: SourceRecord,
  notes: FileNotes,
  options: ReaderOptions,
): SourcePerson | SourceFault {
  const password = auth0Password(value);
  if ('fault' in password) {
    const remedy = 'Remove custom_password_hash to import the person without a password.';
    const { email } = value;
    return { position, message: password.fault, remedy, externalId: userId(value), email };
  }
  if (has(value.multifactor) || has(value.mfa_factors)) {
    notes.add('multifactor', 'The second factors are not imported.');
  }
  const identifier = objectsOf(value.identifiers).find(({ type }) => type === 'email');
  const email = firstOf(value.email, identifier?.value);
  const profile = objectOf(value.user_metadata) ?? nested(value, 'user_metadata');
  const fields: SourceFields = {
    externalId: userId(value),
    email,
    username: usernameUnlessEmail(value.username, email),
    ...namesOf(value.given_name, value.family_name, isAddress(value.name) ? undefined : value.name),
    status: booleanOf(value.blocked) === true ? 'DISABLED' : 'ACTIVE',
    passwordHash: password.hash,
    locale: localeOf(value.locale),
    createdAt: time(value.created_at),
    lastLoginAt: time(value.last_login),
    metadata: metadataOfUser(value, profile, notes),
  };
  const isVerified = verificationOf(value.email_verified ?? identifier?.verified);
  return makePerson(position, fields, { options, isVerified });
}

/** The CSV has a quotation mark before each text, so that spreadsheets do not run it as a formula. */
function withoutQuotes(value: SourceObject): SourceObject {
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    typeof item === 'string' && item.startsWith("'") ? item.slice(1) : item,
  ]);
  return Object.fromEntries(entries);
}

/** The id with its connection type. The export of hashes has the second part only. */
function userId({ user_id: id, alt_id: alternative, _id: internal }: SourceObject): unknown {
  const part = firstOf(alternative, isObject(internal) ? internal.$oid : internal);
  return firstOf(id, typeof part === 'string' ? `auth0|${part}` : part);
}

/** Times of the export of hashes are objects of MongoDB. */
function time(value: unknown): unknown {
  return timeOf(isObject(value) ? value.$date : value);
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && value.includes('@');
}

function has(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : firstText(value) !== undefined;
}

/** The object of columns such as `user_metadata.country`, as the CSV has them. */
function nested(value: SourceObject, name: string): SourceObject {
  const prefix = `${name}.`;
  const entries = Object.entries(value).filter(([column]) => column.startsWith(prefix));
  return Object.fromEntries(entries.map(([column, item]) => [column.slice(prefix.length), item]));
}

function metadataOfUser(
  value: SourceObject,
  profile: SourceObject,
  notes: FileNotes,
): SourceObject | undefined {
  const app = objectOf(value.app_metadata) ?? nested(value, 'app_metadata');
  const identities = typeof value.identities === 'string' ? [] : objectsOf(value.identities);
  const connections = identities.map(({ connection }) => connection);
  const local = firstText(value.email)?.split('@')[0];
  return metadataOf([
    ['app', partOf(app, notes)],
    ['connections', connections.length > 0 ? connections : undefined],
    ['nickname', value.nickname === local ? undefined : value.nickname],
    ['phone', value.phone_number],
    ['picture', value.picture],
    ['user', partOf(profile, notes)], // the people write it themselves
  ]);
}
