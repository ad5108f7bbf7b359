/**
 * Reads the table `auth.users` of Supabase as CSV, JSON array or JSON Lines. Columns:
 * https://github.com/supabase/auth/tree/master/migrations (`auth.users`), `internal/models/user.go`.
 */
import type { FileNotes } from '../reading/file-notes.ts';
import { readObjects } from '../reading/objects.ts';
import { openRecords, type SourceObject, type SourceRecord } from '../reading/records.ts';
import {
  booleanOf,
  firstText,
  isAbsent,
  localeOf,
  makePerson,
  metadataOf,
  namesOf,
  objectOf,
  partOf,
  timeOf,
} from '../reading/values.ts';
import type { OpenPeople, ReaderOptions, SourceFault, SourcePerson } from '../source.ts';

export const openSupabase: OpenPeople = (path, options) =>
  openRecords(
    {
      read: (onChunk) => readObjects(path, onChunk),
      convert: (record, notes) => convert(record, notes, options),
    },
    options,
  );

function convert(
  { position, value }: SourceRecord,
  notes: FileNotes,
  options: ReaderOptions,
): SourcePerson | SourceFault {
  if (has(value.deleted_at)) {
    const message = 'The account is deleted and was skipped.';
    return { position, message, isSkipped: true, externalId: value.id, email: value.email };
  }
  if (firstText(value.email) === undefined) return withoutAddress(value, position);
  const profile = objectOf(value.raw_user_meta_data) ?? {};
  const isVerified = 'email_confirmed_at' in value ? has(value.email_confirmed_at) : undefined;
  const status = statusOf(value, options);
  if (status === 'PENDING') notes.add('status', 'The address was never confirmed: PENDING.');
  if (booleanOf(value.is_sso_user) === true) {
    notes.add('is_sso_user', 'The account logs in by SAML, so it has no password.');
  }
  const person = {
    externalId: value.id,
    email: value.email,
    ...namesOf(
      profile.first_name ?? profile.given_name,
      profile.last_name ?? profile.family_name,
      firstText(profile.full_name, profile.name),
    ),
    status,
    passwordHash: firstText(value.encrypted_password),
    locale: localeOf(profile.locale),
    createdAt: timeOf(value.created_at),
    lastLoginAt: timeOf(value.last_sign_in_at),
    emailVerifiedAt: timeOf(value.email_confirmed_at),
    metadata: metadataOfRow(value, profile, notes),
  };
  return makePerson(position, person, { options, isVerified });
}

function has(value: unknown): boolean {
  return !isAbsent(value) && value !== '';
}

function withoutAddress(value: SourceObject, position: number): SourceFault {
  const message =
    booleanOf(value.is_anonymous) === true
      ? 'The account is anonymous: it has no address.'
      : 'The account has no address.';
  const fault = { position, message, externalId: value.id };
  return has(value.phone)
    ? { ...fault, remedy: 'The account logs in by phone. Add an address to import it.' }
    : fault;
}

function statusOf(value: SourceObject, { now }: ReaderOptions): string {
  const until = timeOf(value.banned_until);
  const end = typeof until === 'string' ? Date.parse(until) : Number.NaN; // not a number for `infinity`
  if (has(until) && !(now && end <= now.getTime())) return 'DISABLED';
  return 'email_confirmed_at' in value && !has(value.email_confirmed_at) ? 'PENDING' : 'ACTIVE';
}

/** The fields of a profile that the account has in another place. */
const profileFields: ReadonlySet<string> = new Set([
  'sub',
  'iss',
  'email',
  'email_verified',
  'phone_verified',
  'provider_id',
  'first_name',
  'given_name',
  'last_name',
  'family_name',
  'full_name',
  'name',
  'locale',
]);

function metadataOfRow(
  value: SourceObject,
  profile: SourceObject,
  notes: FileNotes,
): SourceObject | undefined {
  const app = objectOf(value.raw_app_meta_data);
  const own = Object.entries(profile).filter(([name]) => !profileFields.has(name));
  return metadataOf([
    ['app', app && partOf(app, notes)],
    ['phone', value.phone],
    ['user', partOf(Object.fromEntries(own), notes)], // the people write it themselves
  ]);
}
