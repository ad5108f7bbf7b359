/** One credential per request: an operation has at most one field that checks a secret or sends a mail. */
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  getNamedType,
  isInputObjectType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialFields } from '../../../src/api/graphql/credential-fields.ts';
import { schemaText } from '../../support/operations.ts';
import { goodPassword, type Login, newAddress, person } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string };

beforeAll(async () => {
  service = await startService();
  ada = await person(service);
});
afterAll(() => service.close());

test('every field that takes a password, a code, a token or an address for a mail is listed', () => {
  const namesOf = ({ name, type }: GraphQLArgument | GraphQLInputField): string[] => {
    const named = getNamedType(type);
    return isInputObjectType(named) ? Object.values(named.getFields()).flatMap(namesOf) : [name];
  };
  const schema = buildSchema(schemaText);
  const taking = [schema.getQueryType(), schema.getMutationType()]
    .flatMap((type) => Object.values(type?.getFields() ?? {}))
    .filter(({ args }) =>
      args.flatMap(namesOf).some((name) => /password|token|^code$|email$|secret/i.test(name)),
    );
  expect(taking.length).toBeGreaterThan(12);
  expect([...credentialFields].sort()).toEqual(taking.map(({ name }) => name).sort());
});

const loginWith = (password: string, alias = 'login: ') =>
  `${alias}login(input: {email: "${ada.email}", password: "${password}"}) { __typename }`;
const guesses = (count: number) =>
  Array.from({ length: count }, (_, index) => loginWith(`wrong ${index}`, `a${index}: `)).join(
    '\n',
  );

/** The numbers of audit entries and sessions, which show every attempt. */
async function traces(): Promise<unknown> {
  const [entries] = await service.database.query('select count(*) from audit_entries');
  const [sessions] = await service.database.query('select count(*) from sessions');
  return [entries, sessions];
}

describe('an operation with two credential fields is refused before anything is executed', () => {
  const documents: readonly (readonly [string, () => string])[] = [
    ['100 logins under aliases', () => `mutation { ${guesses(100)} }`],
    ['two logins under aliases', () => `mutation { ${guesses(2)} }`],
    ['the right login twice', () => `mutation { ${loginWith(goodPassword).repeat(2)} }`],
    [
      'a login and another secret',
      () => `mutation { ${loginWith(goodPassword)} verifyEmail(code: "x") { __typename } }`,
    ],
    [
      'one in the operation and one in a fragment',
      () => `mutation { ${loginWith('one', 'a: ')} ...F }
        fragment F on Mutation { ${loginWith('two', 'b: ')} }`,
    ],
    [
      'a fragment in a fragment, spread twice',
      () => `mutation { ...F }
        fragment F on Mutation { ...G ...G } fragment G on Mutation { ${loginWith('one')} }`,
    ],
    [
      'inline fragments',
      () => `mutation { ... on Mutation { ${loginWith('one', 'a: ')} } ... { ... {
        ${loginWith('two', 'b: ')} } } }`,
    ],
    [
      'one skipped by a directive',
      () =>
        `mutation { ${loginWith('one', 'a: ')} ... @skip(if: true) { ${loginWith('two', 'b: ')} } }`,
    ],
    [
      'several mails',
      () =>
        `mutation { ${['a', 'b', 'c']
          .map((it) => `${it}: requestPasswordReset(email: "${it}@example.com") { __typename }`)
          .join(' ')} }`,
    ],
    [
      'two tokens in a query',
      () =>
        '{ a: isPasswordResetValid(uid: "x", token: "y") b: isPasswordResetValid(uid: "x", token: "z") }',
    ],
  ];

  test.each(documents)('%s', async (_what, write) => {
    const before = await traces();
    const { status, data, errors } = await service.graphql(write(), {}, ada.accessToken);
    expect(status).toBe(400);
    expect(data).toBeUndefined();
    expect(errors?.[0]?.extensions?.code).toMatch(/^GRAPHQL_(PARSE|VALIDATION)_FAILED$/);
    expect(errors?.[0]?.message).toMatch(/Send a separate request for each|Send several requests/);
    expect(await traces()).toEqual(before);
  });

  test('a batch of requests is refused as well', async () => {
    const before = await traces();
    const response = await fetch(`${service.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([1, 2, 3].map(() => ({ query: `mutation { ${guesses(1)} }` }))),
    });
    expect(response.status).toBe(400);
    await response.arrayBuffer();
    expect(await traces()).toEqual(before);
  });
});

describe('an operation with one credential field is accepted', () => {
  test('beside fields without credentials', async () => {
    const query = `mutation { __typename ${loginWith(goodPassword)} }`;
    const { data } = await service.graphql(query);
    expect(data.login.__typename).toBe('TokenPair');
  });

  test('in each of several operations, of which one is selected', async () => {
    const response = await fetch(`${service.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: `mutation A { ${loginWith('wrong')} } mutation B { ${loginWith(goodPassword)} }`,
        operationName: 'B',
      }),
    });
    expect(await response.text()).toContain('"TokenPair"');
  });

  test('for an address without an account', async () => {
    const { data } = await service.graphql(
      `mutation { ...F } fragment F on Mutation {
        requestPasswordReset(email: "${newAddress()}") { __typename } }`,
    );
    expect(data.requestPasswordReset.__typename).toBe('Acknowledgement');
  });
});
