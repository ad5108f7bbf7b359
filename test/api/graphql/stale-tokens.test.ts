/** An invalid bearer token matters only where an operation needs a caller. */
import {
  buildSchema,
  type GraphQLInputType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publicFields } from '../../../src/api/graphql/root-fields.ts';
import { readOperations, schemaText } from '../../support/operations.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const staleTokens = ['', 'x', 'eyJhbGciOiJub25lIn0.e30.'];

describe('GraphQL', () => {
  test.each(staleTokens)('login and refresh work with the stale bearer token %j', async (token) => {
    const { email } = await somebody(service);
    const login = await service.graphql(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on TokenPair { refreshToken } } }',
      { input: { email, password: goodPassword } },
      token,
    );
    expect(login.status).toBe(200);
    const { refreshToken } = login.data.login;
    const refreshed = await service.graphql(
      'mutation ($token: String!) { refreshTokens(refreshToken: $token) { ... on TokenPair { accessToken } } }',
      { token: refreshToken },
      token,
    );
    expect(refreshed.data.refreshTokens.accessToken).toEqual(expect.any(String));
  });

  test('a field that needs the caller fails the whole request, also beside a field that does not', async () => {
    const email = newAddress();
    const document = `mutation ($input: RegisterInput!) {
      register(input: $input) { __typename } ...rest }
      fragment rest on Mutation { logoutEverywhere { __typename } }`;
    const input = { email, password: goodPassword, firstName: 'Ada', lastName: 'Lovelace' };
    const response = await service.graphql(document, { input }, 'x');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(JSON.parse(response.text).data).toBeUndefined();
    expect(await service.database.query('select 1 from users where email = $1', [email])).toEqual(
      [],
    );
  });

  test.each(readOperations())(
    'an invalid token refuses $name exactly when $name needs a caller',
    async ({ name, documentWith }) => {
      const document = documentWith(requiredArguments(name));
      const anonymous = await service.graphql(document);
      const needsCaller = anonymous.errors?.[0]?.extensions?.code === 'UNAUTHENTICATED';
      expect(publicFields.has(name)).toBe(!needsCaller);
      const response = await service.graphql(document, {}, 'x');
      expect(response.status === 401).toBe(needsCaller);
    },
  );
});

describe('REST', () => {
  test.each(staleTokens)('public paths ignore the stale bearer token %j', async (token) => {
    const { email } = await somebody(service);
    const login = await service.rest('POST', '/login/', {
      json: { email, password: goodPassword },
      token,
    });
    expect(login.status).toBe(200);
    const { refresh_token } = login.body.data;
    const refreshed = await service.rest('POST', '/token/refresh/', {
      json: { refresh_token },
      token,
    });
    expect(refreshed.status).toBe(200);
    const reset = await service.rest('POST', '/password/request_change/', {
      json: { email },
      token,
    });
    expect(reset.status).toBe(200);
    const dead = await service.rest('GET', '/register/verify?code=nothing', { token });
    expect(dead.body.data.code).toBe('INVALID_CODE');
  });

  test('a path that needs the caller is 401 with the challenge', async () => {
    const response = await service.rest('GET', '/profile/view/', { token: 'x' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });
});

test('the owner of a token that was just revoked can log in', async () => {
  const { email, accessToken } = await somebody(service);
  await service.graphql('mutation { logoutEverywhere { __typename } }', {}, accessToken);
  const me = await service.graphql('{ me { id } }', {}, accessToken);
  expect(me.status).toBe(401);
  const again = await service.rest('POST', '/login/', {
    json: { email, password: goodPassword },
    token: accessToken,
  });
  expect(again.status).toBe(200);
});

const schema = buildSchema(schemaText);

/** The required arguments of a root field, with placeholders as values. */
function requiredArguments(name: string): string {
  const field =
    schema.getQueryType()?.getFields()[name] ?? schema.getMutationType()?.getFields()[name];
  const given = (field?.args ?? []).flatMap(({ name: argument, type }) =>
    isNonNullType(type) ? [`${argument}: ${placeholderOf(type.ofType)}`] : [],
  );
  return given.length === 0 ? '' : `(${given.join(', ')})`;
}

function placeholderOf(type: GraphQLInputType): string {
  if (isNonNullType(type)) return placeholderOf(type.ofType);
  if (isListType(type)) return '[]';
  if (!isInputObjectType(type)) return '"x"';
  const fields = Object.values(type.getFields()).filter((field) => isNonNullType(field.type));
  return `{ ${fields.map((field) => `${field.name}: ${placeholderOf(field.type)}`).join(', ')} }`;
}
