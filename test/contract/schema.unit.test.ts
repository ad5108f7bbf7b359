/** schema.graphql is the served schema: it is fully described, and the resolvers agree with it. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  buildSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  parse,
  print,
  printSchema,
  visit,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.ts';
import { isTopLevel, problemCodes, sentenceOf, statusOf } from '../../src/core/errors.ts';
import { schemaText, withoutFederation } from '../support/operations.ts';

/** Instances without services of all resolver classes: creating the schema calls no service. */
const files = globSync(
  fileURLToPath(new URL('../../src/features/**/*.resolver.ts', import.meta.url)),
);
const modules: Record<string, { prototype: object }>[] = await Promise.all(
  files.map((file) => import(file)),
);
const resolvers = modules.flatMap((module) =>
  Object.entries(module)
    .filter(([name]) => name.endsWith('Resolver'))
    .map(([, resolverClass]): object => Object.create(resolverClass.prototype)),
);

const schema = buildSchema(schemaText);
const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

/** Each member has its own line here, so that a test can remove one. */
const bareText = print(
  visit(parse(schemaText), {
    enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
  }),
);

interface Described {
  readonly where: string;
  readonly description: string | null | undefined;
}

/** The type, its members and their arguments. */
function described(type: GraphQLNamedType): Described[] {
  const { name, description } = type;
  const at = (member: {
    readonly name: string;
    readonly description?: string | null | undefined;
  }) => ({
    where: `${name}.${member.name}`,
    description: member.description,
  });
  const self = { where: name, description };
  if (isEnumType(type)) return [self, ...type.getValues().map(at)];
  if (isInputObjectType(type)) return [self, ...Object.values(type.getFields()).map(at)];
  if (!isObjectType(type) && !isInterfaceType(type)) return [self];
  const fields = Object.values(type.getFields());
  const args = fields.flatMap((field) =>
    field.args.map((arg) => ({ ...at(arg), where: `${name}.${field.name}(${arg.name})` })),
  );
  return [self, ...fields.map(at), ...args];
}

describe('the file and the resolvers', () => {
  test('agree', () => {
    expect(() => createSchema(resolvers)).not.toThrow();
  });

  test('are served with the text and the descriptions of the file', () => {
    expect(printSchema(withoutFederation(createSchema(resolvers)))).toBe(printSchema(schema));
  });

  /** Each: the member, the line, its replacement, and the lines that the error must name. */
  const lacking: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'a field of a type',
      '  fullName: String!',
      '',
      /no schema has: type User \{ fullName: String!/,
    ],
    ['a query', '  me: User!', '', /no schema has: type Query \{ me: User!/],
    ['an enum value', '  PROTECTED', '', /no schema has: enum ProblemCode \{ PROTECTED/],
    [
      'an input field',
      '  passwordConfirmation: String',
      '',
      /no schema has: input RegisterInput \{ passwordConfirmation: String/,
    ],
    [
      'a member of a union',
      'union LoginResult = TokenPair | Problem',
      'union LoginResult = TokenPair',
      /no schema has: union LoginResult = Problem \| TokenPair/,
    ],
  ];

  test.each(lacking)('a text that lacks %s is refused by name', (_what, line, instead, message) => {
    expect(() => createSchema(resolvers, edited(line, instead))).toThrow(message);
  });

  const extra: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'a field of a type',
      '  fullName: String!',
      '  fullName: String!\n  shoeSize: Int',
      /no resolver has: type User \{ shoeSize: Int/,
    ],
    [
      'a mutation',
      'type Mutation {',
      'type Mutation {\n  explode: Boolean!',
      /no resolver has: type Mutation \{ explode: Boolean!/,
    ],
    [
      'an argument',
      'hasGroup(',
      'hasGroup(exactly: Boolean ',
      /no resolver has: type Query \{ hasGroup\(exactly: Boolean, name: String!\): Boolean!/,
    ],
    [
      'an enum value',
      '  PROTECTED',
      '  PROTECTED\n  EXPLODED',
      /no resolver has: enum ProblemCode \{ EXPLODED/,
    ],
    [
      'an input field',
      '  passwordConfirmation: String',
      '  passwordConfirmation: String\n  isStaff: Boolean',
      /no resolver has: input RegisterInput \{ isStaff: Boolean/,
    ],
    [
      'a type',
      'type Acknowledgement',
      'type Extra { id: ID! }\ntype Acknowledgement',
      /no resolver has: type Extra/,
    ],
    [
      'an entity',
      'type Session implements Node',
      'type Session implements Node @key(fields: "id")',
      /no resolver has: union _Entity = Group \| Permission \| ServiceAccount \| Session \| User/,
    ],
    [
      'a scalar',
      'type Acknowledgement',
      'scalar Money\ntype Acknowledgement',
      /no resolver has: scalar Money/,
    ],
  ];

  test.each(extra)(
    'a text with one addition is refused by name: %s',
    (_what, line, instead, message) => {
      expect(() => createSchema(resolvers, edited(line, instead))).toThrow(message);
    },
  );

  test.each([
    ['that may be null', '  fullName: String!', '  fullName: String', /User \{ fullName: String$/m],
    [
      'that may be left out',
      '  code: ProblemCode!',
      '  code: ProblemCode',
      /Problem \{ code: ProblemCode$/m,
    ],
    [
      'of another type',
      '  createdAt: DateTime!',
      '  createdAt: String!',
      /User \{ createdAt: String!$/m,
    ],
    [
      'with a list of nullable items',
      '[FieldProblem!]!',
      '[FieldProblem]!',
      /Problem \{ fields: \[FieldProblem\]!$/m,
    ],
    [
      'with another specification',
      'https://www.rfc-editor.org/rfc/rfc3339',
      'https://scalars.graphql.org/',
      /scalar DateTime @specifiedBy\(url: "https:\/\/scalars.graphql.org\/"\)/,
    ],
  ])('a member %s is refused by name, with both versions', (_what, line, instead, message) => {
    const create = () => createSchema(resolvers, edited(line, instead));
    expect(create).toThrow(message);
    expect(create).toThrow(/no resolver has: .*(?:.|\n)*no schema has: /);
  });

  test('all differences are named at once', () => {
    const text = edited('  fullName: String!', '').replace('  isStaff: Boolean!', '');
    expect(() => createSchema(resolvers, text)).toThrow(/fullName.*isStaff/s);
  });

  test('descriptions are ignored in the comparison', () => {
    expect(() => createSchema(resolvers, bareText)).not.toThrow();
  });
});

/** The text of the file with one change. */
function edited(line: string, instead: string): string {
  const text = bareText.replace(line, instead);
  if (text === bareText) throw new Error(`schema.graphql has no ${line}`);
  return text;
}

describe('descriptions', () => {
  test.each(types.map((type) => ({ name: type.name, type })))(
    '$name and its members are described',
    ({ type }) => {
      const silent = described(type).filter(({ description }) => !/\w{2,}/.test(description ?? ''));
      expect(silent.map(({ where }) => where)).toEqual([]);
    },
  );

  test('the schema itself is described', () => {
    expect(schema.description).toMatch(/\w{2,}/);
  });

  test('descriptions are sentences', () => {
    expect(types.flatMap(described).length).toBeGreaterThan(200);
    for (const { where, description } of types.flatMap(described)) {
      expect(description?.trim(), where).toMatch(/^[A-Z`].*\.$/s);
    }
  });

  test('every mutation with an argument names its problem codes', () => {
    const named = new Set(problemCodes.map(String));
    for (const { name, description, args } of Object.values(
      schema.getMutationType()?.getFields() ?? {},
    )) {
      const codes = /Problems:(.*)$/s.exec(description ?? '')?.[1]?.match(/\b[A-Z_]{6,}\b/g) ?? [];
      expect(
        codes.filter((code) => !named.has(code)),
        name,
      ).toEqual([]);
      if (args.length > 0) expect(codes.length, name).toBeGreaterThan(0);
    }
  });
});

describe('error codes', () => {
  test('ProblemCode is the catalogue without the codes of top-level errors', () => {
    const values = isEnumType(schema.getType('ProblemCode'))
      ? types
          .filter(isEnumType)
          .find(({ name }) => name === 'ProblemCode')
          ?.getValues()
      : [];
    expect(values?.map(({ name }) => name).sort()).toEqual(
      problemCodes.filter((code) => !isTopLevel(code)).sort(),
    );
  });

  test('the catalogue has the documented statuses', () => {
    expect(Object.fromEntries(problemCodes.map((code) => [code, statusOf(code)]))).toEqual({
      VALIDATION_FAILED: 400,
      INVALID_CREDENTIALS: 401,
      ACCOUNT_NOT_ACTIVE: 401,
      INVALID_CODE: 400,
      INVALID_TOKEN: 401,
      ALREADY_EXISTS: 400,
      NOT_FOUND: 404,
      PROTECTED: 403,
      UNAUTHENTICATED: 401,
      FORBIDDEN: 403,
      THROTTLED: 429,
      OVERLOADED: 503,
      INTERNAL: 500,
    });
  });

  test('every code has a distinct sentence', () => {
    const sentences = problemCodes.map(sentenceOf);
    expect(new Set(sentences).size).toBe(sentences.length);
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});
