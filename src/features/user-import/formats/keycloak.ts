/**
 * Reads people of Keycloak: a realm with `users` (`kc.sh export --users same_file`), `realm-users-0.json`, or an array
 * of `UserRepresentation` of https://github.com/keycloak/keycloak. The Admin API returns no passwords.
 */
import type { FileNotes } from '../reading/file-notes.ts';
import { readJsonItems } from '../reading/json-items.ts';
import { readArray, recordOf } from '../reading/objects.ts';
import { isObject, openRecords, type SourceObject, type SourceRecord } from '../reading/records.ts';
import { fileProblem, firstCharacter, type OnChunk } from '../reading/text-file.ts';
import {
  localeOf,
  makePerson,
  metadataOf,
  objectsOf,
  partOf,
  textsOf,
  timeOfMilliseconds,
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
import { groupName, KeycloakAccess } from './keycloak-access.ts';
import { passwordOf } from './keycloak-password.ts';

export const openKeycloak: OpenPeople = (path, options) => {
  const access = new KeycloakAccess();
  return openRecords(
    {
      read: (onChunk) => readUsers(path, access, onChunk),
      convert: (record, notes) => convert(record, notes, { access, options }),
      definitions: () => access.definitions(),
    },
    options,
  );
};

async function* readUsers(
  path: string,
  access: KeycloakAccess,
  onChunk?: OnChunk,
): AsyncGenerator<readonly (SourceRecord | SourceFault)[]> {
  const first = await firstCharacter(path);
  if (first === '[') return yield* readArray(path, onChunk);
  if (first !== '{') throw fileProblem('Is not JSON. Keycloak writes a realm or a list of users.');
  let position = 0;
  for await (const batch of readJsonItems(path, ['$.users.*', '$.groups', '$.roles'], onChunk)) {
    const records: (SourceRecord | SourceFault)[] = [];
    for (const item of batch) {
      if (item.section === 'groups') access.addGroups(item.value);
      else if (item.section === 'roles') access.addRoles(item.value);
      else {
        position += 1;
        records.push(recordOf(item, position));
      }
    }
    yield records;
  }
  if (position > 0) return;
  throw fileProblem(
    'The realm has no users. Export it with kc.sh export --users same_file; the console exports no users.',
  );
}

interface KeycloakContext {
  readonly access: KeycloakAccess;
  readonly options: ReaderOptions;
}

function convert(
  { position, value }: SourceRecord,
  notes: FileNotes,
  { access, options }: KeycloakContext,
): SourcePerson | SourceFault {
  if (Array.isArray(value.users)) throw fileProblem('Is a list of realms. Export one realm.');
  if (value.serviceAccountClientId !== undefined && value.serviceAccountClientId !== null) {
    const message = 'The service account of a client was skipped.';
    return { position, message, isSkipped: true, externalId: value.id, email: value.email };
  }
  const password = passwordOf(value.credentials);
  if (password.kind === 'unknown') {
    const remedy = 'Remove the credential to import the person without a password.';
    const { id: externalId, email } = value;
    return { position, message: password.message, remedy, externalId, email };
  }
  noteLosses(value, notes);
  const attributes = isObject(value.attributes) ? value.attributes : {};
  const groups = textsOf(value.groups).map(groupName);
  const permissions = access.permissionsOf(value);
  const fields: SourceFields = {
    externalId: value.id,
    email: value.email,
    username: usernameUnlessEmail(value.username, value.email),
    firstName: value.firstName,
    lastName: value.lastName,
    status: value.enabled === false ? 'DISABLED' : 'ACTIVE',
    passwordHash: password.kind === 'hash' ? password.hash : undefined,
    locale: localeOf(single(attributes.locale)),
    createdAt: timeOfMilliseconds(value.createdTimestamp),
    groups: groups.length > 0 ? groups : undefined,
    permissions: permissions.length > 0 ? permissions : undefined,
    metadata: metadataOfAttributes(attributes, notes),
  };
  const isVerified = verificationOf(value.emailVerified);
  const plain = { field: 'passwordHash', message: 'A password in plain text was left out.' };
  const personNotes = password.kind === 'plain' ? [plain] : [];
  return makePerson(position, fields, { notes: personNotes, options, isVerified });
}

/** The value of an attribute: a list with one item is that item. */
function single(value: unknown): unknown {
  return Array.isArray(value) && value.length <= 1 ? value[0] : value;
}

function metadataOfAttributes(
  attributes: SourceObject,
  notes: FileNotes,
): SourceObject | undefined {
  const entries = Object.entries(attributes).filter(([name]) => name !== 'locale');
  const values = Object.fromEntries(entries.map(([name, value]) => [name, single(value)]));
  return metadataOf([['attributes', partOf(values, notes)]]); // people can write some themselves
}

function noteLosses(value: SourceObject, notes: FileNotes): void {
  for (const action of textsOf(value.requiredActions)) {
    notes.add('requiredActions', `The required action ${action} is not taken over.`);
  }
  if (objectsOf(value.credentials).some(({ type }) => type !== 'password')) {
    notes.add('credentials', 'Second factors and passkeys are not imported.');
  }
  if (objectsOf(value.federatedIdentities).length > 0) {
    notes.add('federatedIdentities', 'Links to identity providers are not imported.');
  }
  if (typeof value.federationLink === 'string') {
    notes.add('federationLink', 'The password is in another directory, such as LDAP.');
  }
}
