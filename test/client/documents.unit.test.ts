/** The documents and types of `@gatehouse-auth/client` agree with schema.graphql. */
import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  isNonNullType,
  parse,
  validate,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { createDocuments } from '../../packages/client/src/documents.ts';
import { isTopLevel, problemCodes } from '../../src/core/errors.ts';
import { schemaText } from '../support/operations.ts';

const schema = buildSchema(schemaText);
const sourceOf = (name: string) =>
  readFileSync(new URL(`../../packages/client/src/${name}.ts`, import.meta.url), 'utf8');

describe.each([
  ['cookie', true],
  ['memory', false],
] as const)('with the transport %s', (_name, hasCookie) => {
  const documents = Object.entries(createDocuments(hasCookie));

  test.each(documents)('the document %s is valid', (_operation, document) => {
    expect(validate(schema, parse(document))).toEqual([]);
  });

  test('every mutation asks for the type of its result and for the problem', () => {
    const mutations = documents.filter(([, document]) => document.startsWith('mutation'));
    expect(mutations.length).toBeGreaterThan(5);
    for (const [, document] of mutations) {
      expect(document).toContain('__typename');
      expect(document).toContain('... on Problem { code message fields { path message } }');
    }
  });

  test('only the memory transport asks for the refresh token', () => {
    const mentions = documents.filter(([, document]) => /refreshToken\b/.test(document));
    expect(mentions.map(([operation]) => operation)).toEqual(hasCookie ? [] : ['login', 'refresh']);
  });
});

/** The members of a union of text literals, or of the `path: type` lines of an interface. */
function unionOf(file: string, name: string): readonly string[] {
  const [, body = ''] = new RegExp(`type ${name} =([^;]*);`).exec(sourceOf(file)) ?? [];
  return [...body.matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
}

function fieldsOf(name: string): Readonly<Record<string, boolean>> {
  const [, body = ''] = new RegExp(`interface ${name} \\{([^}]*)\\}`).exec(sourceOf('types')) ?? [];
  const fields = body.matchAll(/^ {2}readonly (\w+)(\?)?: (.*);$/gm);
  return Object.fromEntries(
    [...fields].map(([, field = '', optional, type = '']) => [
      field,
      optional === undefined && !type.includes('null'),
    ]),
  );
}

test('ProblemCode has the codes of the schema and of the catalogue', () => {
  const type = schema.getType('ProblemCode') as GraphQLEnumType; // as: the schema defines it
  const codes = unionOf('types', 'ProblemCode');
  expect(codes.toSorted()).toEqual(
    type
      .getValues()
      .map(({ name }) => name)
      .toSorted(),
  );
  expect(codes.toSorted()).toEqual(problemCodes.filter((code) => !isTopLevel(code)).toSorted());
});

test('ErrorCode has the top-level codes of the catalogue, and that of the network', () => {
  const codes = unionOf('errors', 'ErrorCode');
  expect(codes.toSorted()).toEqual([...problemCodes.filter(isTopLevel), 'NETWORK'].toSorted());
});

test.each(['RegisterInput', 'LoginInput', 'ResetPasswordInput', 'ChangePasswordInput'])(
  '%s has the fields of the schema',
  (name) => {
    const type = schema.getType(name) as GraphQLInputObjectType; // as: the schema defines it
    const fields = Object.values(type.getFields()).map((field) => [
      field.name,
      isNonNullType(field.type),
    ]);
    expect(fieldsOf(name)).toEqual(Object.fromEntries(fields));
  },
);

test('User has the selected fields, and null where the schema has it', () => {
  const [, selection = ''] = /me \{ ([^}]*) \}/.exec(createDocuments(true).me) ?? [];
  const fields = schema.getType('User');
  if (!fields || !('getFields' in fields)) throw new Error('the schema has no User');
  const expected = selection
    .split(' ')
    .map((name) => [name, isNonNullType(fields.getFields()[name]?.type)]);
  expect(fieldsOf('User')).toEqual(Object.fromEntries(expected));
});
