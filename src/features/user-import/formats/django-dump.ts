/**
 * The objects of a `manage.py dumpdata` file, and a survey of them. Models can be in any order in the file, so the
 * groups and permissions of people are known after the whole file only. Formats:
 * https://docs.djangoproject.com/en/5.2/topics/serialization/ (JSON, JSONL, natural keys).
 */
import { readJsonItems } from '../reading/json-items.ts';
import { readJsonLines, tooLargeMessage } from '../reading/lines.ts';
import { isObject, type SourceObject } from '../reading/records.ts';
import { fileProblem, firstCharacter, type OnChunk } from '../reading/text-file.ts';
import { isWithoutZone } from '../reading/values.ts';

export interface DumpObject {
  /** Empty for an object that cannot be read, which can be a person. */
  readonly model: string;
  /** Absent with `--natural-primary`, for models with a natural key. */
  readonly pk?: unknown;
  readonly fields: SourceObject;
  /** Why the object cannot be a person. */
  readonly fault?: string;
}

/** A reference to an object: its primary key, or a list of texts with `--natural-foreign`. */
export type DumpReference = unknown;

export interface DumpPermission {
  readonly pk: DumpReference;
  readonly contentType: DumpReference;
  readonly codename: string;
  readonly name: string;
}

export interface DumpGroup {
  readonly pk: DumpReference;
  readonly name: string;
  readonly permissions: readonly DumpReference[];
}

/** What the objects of one model have in common. */
export interface DumpModel {
  count: number;
  /** People have a password and the time of the last login: the fields of `AbstractBaseUser`. */
  isOfPeople: boolean;
  /** The rest is for models of people only: the numbers of values that are not null by column. */
  readonly columns: Map<string, number>;
  /** The number of people with a time without a zone. */
  withoutZone: number;
  withoutPk: number;
  /** What the people refer to, by the keys of the references. */
  readonly permissions: Map<string, DumpReference>;
  readonly groups: Map<string, DumpReference>;
}

export interface DumpSurvey {
  readonly models: ReadonlyMap<string, DumpModel>;
  readonly contentTypes: ReadonlyMap<string, string>;
  readonly permissions: readonly DumpPermission[];
  readonly groups: readonly DumpGroup[];
  /** Descriptions of groups in a model that extends `auth.group`, by the key of the group. */
  readonly descriptions: ReadonlyMap<string, string>;
  /** The number of objects that cannot be read. */
  readonly unreadable: number;
}

/** The key of a reference in maps. */
export function keyOf(reference: DumpReference): string {
  return JSON.stringify(reference ?? null);
}

/** Whether a list is a reference by a natural key with so many texts. */
export function isNaturalKey(reference: DumpReference, length: number): reference is string[] {
  return (
    Array.isArray(reference) &&
    reference.length === length &&
    reference.every((part) => typeof part === 'string')
  );
}

/** @throws VALIDATION_FAILED for a file that is not a dump in JSON or JSON Lines */
export async function* readDump(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<readonly DumpObject[], void, undefined> {
  const first = await firstCharacter(path);
  if (first !== '[' && first !== '{') {
    throw fileProblem('Is not a dump of Django in JSON. Use manage.py dumpdata --format json.');
  }
  let number = 0;
  for await (const batch of first === '[' ? readArray(path, onChunk) : readLines(path, onChunk)) {
    yield batch.map(({ value, fault }) => {
      number += 1;
      return toDumpObject(value, number, fault);
    });
  }
}

interface Item {
  readonly value: unknown;
  readonly fault?: string;
}

async function* readArray(path: string, onChunk?: OnChunk): AsyncGenerator<Item[]> {
  for await (const batch of readJsonItems(path, ['$.*'], onChunk)) {
    yield batch.map(({ value, fault }) => {
      return fault === undefined ? { value } : { value, fault: tooLargeMessage };
    });
  }
}

/** A line of a dump can have an object of any size. */
const maxLineBytes = 64 * 1024 * 1024;

async function* readLines(path: string, onChunk?: OnChunk): AsyncGenerator<Item[]> {
  for await (const batch of readJsonLines(path, onChunk, maxLineBytes)) {
    yield batch.map((item) => {
      if ('value' in item) return { value: item.value };
      return { value: undefined, fault: `Line ${item.position} of the file: ${item.message}` };
    });
  }
}

/** @throws VALIDATION_FAILED if the first object is not one of a dump */
function toDumpObject(value: unknown, number: number, fault: string | undefined): DumpObject {
  if (!isObject(value) || typeof value.model !== 'string' || !isObject(value.fields)) {
    const reason = `Object ${number} of the file is not an object with "model" and "fields".`;
    if (number === 1 && fault === undefined)
      throw fileProblem(`Is not a dump of Django. ${reason}`);
    return { model: '', fields: {}, fault: fault ?? reason };
  }
  const { model, pk, fields } = value;
  return { model: model.toLowerCase(), pk, fields, ...(fault !== undefined && { fault }) };
}

/** Reads the whole dump. Its result needs no memory for each person. */
export async function surveyDump(path: string, onChunk?: OnChunk): Promise<DumpSurvey> {
  const survey = {
    models: new Map<string, DumpModel>(),
    contentTypes: new Map<string, string>(),
    permissions: [] as DumpPermission[],
    groups: [] as DumpGroup[],
    descriptions: new Map<string, string>(),
    unreadable: 0,
  };
  for await (const batch of readDump(path, onChunk)) {
    for (const object of batch) {
      const { model, pk, fields } = object;
      if (model === '') {
        survey.unreadable += 1;
        continue;
      }
      surveyModel(survey.models, object);
      const { name, description, codename } = fields;
      if (model === 'contenttypes.contenttype') {
        survey.contentTypes.set(keyOf(pk), String(fields.app_label));
      } else if (model === 'auth.permission') {
        const contentType = fields.content_type;
        survey.permissions.push({
          pk,
          contentType,
          codename: String(codename),
          name: String(name),
        });
      } else if (model === 'auth.group') {
        survey.groups.push({ pk, name: String(name), permissions: listOf(fields.permissions) });
      } else if (isGroupExtension(model, fields) && typeof description === 'string') {
        survey.descriptions.set(keyOf(pk), description);
      }
    }
  }
  return survey;
}

/** Whether a model extends `auth.group` by multi-table inheritance: the same primary key, and no name. */
function isGroupExtension(model: string, fields: SourceObject): boolean {
  return /\.\w*group$/.test(model) && 'description' in fields && !('name' in fields);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function surveyModel(models: Map<string, DumpModel>, { model, pk, fields }: DumpObject): void {
  const known = models.get(model) ?? newModel();
  models.set(model, known);
  known.count += 1;
  if (known.count === 1) known.isOfPeople = 'password' in fields && 'last_login' in fields;
  if (!known.isOfPeople) return;
  if (pk === undefined) known.withoutPk += 1;
  for (const [column, value] of Object.entries(fields)) {
    if (value !== null && value !== '') {
      known.columns.set(column, (known.columns.get(column) ?? 0) + 1);
    }
  }
  if (Object.values(fields).some(isWithoutZone)) known.withoutZone += 1;
  for (const permission of listOf(fields.user_permissions)) {
    known.permissions.set(keyOf(permission), permission);
  }
  for (const group of listOf(fields.groups)) known.groups.set(keyOf(group), group);
}

function newModel(): DumpModel {
  return {
    count: 0,
    isOfPeople: false,
    columns: new Map(),
    withoutZone: 0,
    withoutPk: 0,
    permissions: new Map(),
    groups: new Map(),
  };
}
