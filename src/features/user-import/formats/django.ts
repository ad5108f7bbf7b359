/**
 * Reads what `manage.py dumpdata` of Django prints, with any model of people. Each model that is based on
 * `AbstractBaseUser` has the columns `password` and `last_login`
 * (https://docs.djangoproject.com/en/5.2/topics/auth/customizing/).
 */
import { FileNotes } from '../reading/file-notes.ts';
import type { SourceObject } from '../reading/records.ts';
import { fileProblem } from '../reading/text-file.ts';
import {
  firstOf,
  idText,
  isSecretName,
  localeOf,
  makePerson,
  namesOf,
  partOf,
  timeOf,
  usernameUnlessEmail,
  verificationOf,
} from '../reading/values.ts';
import type {
  OpenPeople,
  PeopleSource,
  ReaderOptions,
  SourceFault,
  SourceFields,
  SourceNote,
  SourcePerson,
} from '../source.ts';
import { type DjangoAccess, djangoAccess } from './django-access.ts';
import {
  type DumpModel,
  type DumpObject,
  type DumpSurvey,
  listOf,
  readDump,
  surveyDump,
} from './django-dump.ts';

export const openDjango: OpenPeople = async (path, options): Promise<PeopleSource> => {
  const survey = await surveyDump(path, options.onChunk);
  const model = modelOfPeople(survey, options.userModel);
  const people = survey.models.get(model);
  if (!people) throw new Error('the model is one of the survey');
  const access = djangoAccess(survey, people);
  return {
    groups: access.groups,
    permissions: access.permissions,
    people: readPeople(path, model, { access, options }),
    total: people.count + survey.unreadable,
    summary: summaryOf(survey, model, people),
  };
};

function modelOfPeople({ models }: DumpSurvey, wanted: string | undefined): string {
  const found = [...models].filter(([, { isOfPeople }]) => isOfPeople).map(([model]) => model);
  const chosen = wanted?.toLowerCase();
  if (chosen !== undefined && found.includes(chosen)) return chosen;
  const [only] = found;
  if (only === undefined) {
    throw fileProblem(
      'The dump has no model of people, which has the columns password and last_login. ' +
        'Dump it too: manage.py dumpdata auth contenttypes <the model of people>.',
    );
  }
  if (chosen === undefined && found.length === 1) return only;
  throw fileProblem(
    `Choose the model of people with --user-model. The dump has ${found.join(', ')}.`,
  );
}

interface DjangoContext {
  readonly access: DjangoAccess;
  readonly options: ReaderOptions;
}

async function* readPeople(
  path: string,
  model: string,
  context: DjangoContext,
): AsyncGenerator<SourcePerson | SourceFault> {
  let position = 0;
  for await (const batch of readDump(path)) {
    for (const object of batch) {
      if (object.model !== model && object.model !== '') continue;
      position += 1;
      yield object.fault === undefined
        ? convert(object, position, context)
        : { position, message: object.fault };
    }
  }
}

/** The columns that become fields of a person. Others go into metadata. */
const columns = {
  email: ['email', 'email_address', 'mail'],
  username: ['username', 'user_name', 'login'],
  firstName: ['first_name', 'given_name'],
  lastName: ['last_name', 'surname', 'family_name'],
  fullName: ['name', 'full_name', 'fullname', 'display_name'],
  locale: ['locale', 'language', 'preferred_language', 'language_code'],
  createdAt: ['date_joined', 'created_at', 'created', 'joined_at'],
  verified: ['email_verified', 'is_email_verified', 'email_confirmed', 'is_email_confirmed'],
  others: [
    'password',
    'last_login',
    'is_active',
    'is_staff',
    'is_superuser',
    'groups',
    'user_permissions',
  ],
} as const satisfies Record<string, readonly string[]>;

const known: ReadonlySet<string> = new Set(Object.values(columns).flat());

/** The times of changes of the row, which the import itself changes. */
const updateTimes: ReadonlySet<string> = new Set([
  'updated_at',
  'updated',
  'updated_on',
  'modified',
  'modified_at',
  'last_modified',
  'date_modified',
  'last_updated',
]);

function convert(object: DumpObject, position: number, context: DjangoContext): SourcePerson {
  const { pk, fields } = object;
  const value = (names: readonly string[]) => firstOf(...names.map((name) => fields[name]));
  const username = value(columns.username);
  const email = value(columns.email) ?? (isAddress(username) ? username : undefined);
  const locale = value(columns.locale);
  const notes: SourceNote[] = [];
  const isActive = fields.is_active;
  const person: SourceFields = {
    externalId: idText(pk),
    email,
    username: usernameUnlessEmail(username, email),
    ...namesOf(value(columns.firstName), value(columns.lastName), value(columns.fullName)),
    status: isActive === false ? context.options.inactive : isActive === true ? 'ACTIVE' : isActive,
    isStaff: fields.is_staff,
    isSuperuser: fields.is_superuser,
    passwordHash: fields.password,
    locale: localeOf(locale),
    createdAt: timeOf(value(columns.createdAt)),
    lastLoginAt: timeOf(fields.last_login),
    groups: resolve('groups', fields.groups, context.access.groupName, notes),
    permissions: resolve('permissions', fields.user_permissions, context.access.codename, notes),
    metadata: metadataOfColumns(fields, notes),
  };
  if (locale !== undefined && person.locale === undefined) {
    notes.push({ field: 'locale', message: 'The language is not valid and was left out.' });
  }
  const isVerified = verificationOf(value(columns.verified));
  const read = makePerson(position, person, { notes, options: context.options, isVerified });
  return isActive === false ? { ...read, isInactive: true } : read;
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && value.includes('@');
}

/** The columns without a field here. Secrets inside of their values are left out. */
function metadataOfColumns(fields: SourceObject, notes: SourceNote[]): SourceObject | undefined {
  const columns = Object.entries(fields).filter(([column]) => isMetadata(column));
  return partOf(Object.fromEntries(columns), {
    add: (field, message) => notes.push({ field, message }),
  });
}

function isMetadata(column: string): boolean {
  return !known.has(column) && !updateTimes.has(column) && !isSecretName(column);
}

/** Undefined if the column is missing, or if the dump has none of its objects. An empty list removes all at an update. */
function resolve(
  field: 'groups' | 'permissions',
  references: unknown,
  nameOf: (reference: unknown) => string | undefined,
  notes: SourceNote[],
): readonly string[] | undefined {
  const names: string[] = [];
  for (const reference of listOf(references)) {
    const name = nameOf(reference);
    if (name !== undefined) names.push(name);
    else notes.push({ field, message: `The dump does not have number ${idText(reference)}.` });
  }
  const isEmpty = Array.isArray(references) && references.length === 0;
  return names.length > 0 || isEmpty ? names : undefined;
}

/** Models that the import reads, or that have nothing to import. */
const expectedModels: ReadonlySet<string> = new Set([
  'auth.permission',
  'auth.group',
  'contenttypes.contenttype',
  'sessions.session',
]);

function summaryOf(survey: DumpSurvey, model: string, people: DumpModel): readonly SourceNote[] {
  const notes = new FileNotes();
  for (const [column, count] of people.columns) {
    if (isMetadata(column)) notes.add(column, 'The column went into metadata.', { count });
    else if (updateTimes.has(column)) notes.add(column, 'The column was left out.', { count });
    else if (!known.has(column)) {
      notes.add(column, 'The column was left out: its name is that of a secret.', { count });
    }
  }
  if (people.withoutZone > 0) {
    notes.add('times', 'Times without a zone are read as UTC.', { count: people.withoutZone });
  }
  if (people.withoutPk > 0) {
    notes.add('externalId', 'The dump has no primary key, so there is no external id.', {
      remedy: 'Dump without --natural-primary.',
      count: people.withoutPk,
    });
  }
  const others = [...survey.models]
    .filter(([name]) => name !== model && !expectedModels.has(name) && !/\.\w*group$/.test(name))
    .map(([name, { count }]): SourceNote => otherModelNote(name, count));
  return [...notes.list(), ...others];
}

function otherModelNote(field: string, count: number): SourceNote {
  const remedy =
    field === 'account.emailaddress'
      ? 'If django-allauth verified the addresses of all active people, use --emails-verified.'
      : 'To keep columns of the model, add them to metadata in a JSONL file.';
  return { field, message: `The model is not imported (${count} objects).`, remedy };
}
