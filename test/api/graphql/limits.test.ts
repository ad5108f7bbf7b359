/** Operations beyond the limits are refused before anything is executed; ordinary operations are accepted. */
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../../src/api/graphql/limits.ts';
import { restRoutes } from '../../../src/api/rest/routes.ts';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { internals } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');
const nested = (count: number, open: string, close: string, inner = '') =>
  open.repeat(count) + inner + close.repeat(count);

interface Body {
  readonly query: string;
  readonly variables?: unknown;
}

/** JSON as text, because some of it is deeper than `JSON.stringify` can write. */
async function post(body: Body | string) {
  const response = await fetch(`${service.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${root.accessToken}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, errors: JSON.parse(text).errors ?? [] };
}

const page = 'nodes { groups { permissions { id codename name } } }';
const ids = (count: number) => times(count, (index) => `"${index}",`);

const tooLarge: Readonly<Record<string, Body | string>> = {
  '5000 levels': { query: `{ ${nested(5000, 'me {', '}', 'id')} }` },
  '5000 levels that never end': { query: '{ me '.repeat(5000) },
  '11 levels': { query: `{ ${nested(11, 'me {', '}', 'id')} }` },
  '11 levels in fragments': {
    query: `{ ...F0 } ${times(12, (it) => `fragment F${it} on Query { me { ...F${it + 1} } }`)}
      fragment F12 on Query { __typename }`,
  },
  '5000 aliases': { query: `{ ${times(5000, (it) => `a${it}: __typename`)} }` },
  '31 aliases': { query: `{ ${times(31, (it) => `a${it}: __typename`)} }` },
  '40 aliases in a fragment spread four times': {
    query: `{ me { ...F ...F ...F ...F } } fragment F on User { ${times(10, (it) => `a${it}: id`)} }`,
  },
  '21 directives': { query: `{ ${times(21, () => '__typename @include(if: true)')} }` },
  '24 directives in a fragment spread twelve times': {
    query: `{ ${times(12, () => '...F')} }
      fragment F on Query { __typename @include(if: true) @skip(if: false) }`,
  },
  'unknown directives': { query: `{ __typename ${'@a'.repeat(300)} }` },
  '20,000 duplicate fields': { query: `{ me { ${'id '.repeat(20_000)} } }` },
  '900 duplicate fields': { query: `{ me { ${'id '.repeat(900)} } }` },
  '500 duplicate fields of the root': { query: `{ ${'__typename '.repeat(500)} }` },
  'many of many duplicate fields': { query: `{ ${'me { id id id id id } '.repeat(110)} }` },
  '3000 fragment spreads': {
    query: `{ me { ${'...F '.repeat(3000)} } } fragment F on User { id }`,
  },
  'a bomb of fragments': {
    query: `{ ...F0 } ${times(60, (it) => `fragment F${it} on Query { ${`...F${it + 1} `.repeat(3)} }`)}
      fragment F60 on Query { hasGroup(name: "x") }`,
  },
  'fragments in a circle': {
    query: '{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A ...B }',
  },
  '20,000 levels of a list': { query: `{ hasGroup(name: ${nested(20_000, '[', ']')}) }` },
  '20,000 levels of a list that never end': { query: `{ hasGroup(name: ${'['.repeat(20_000)}` },
  '490 levels of a list': { query: `{ hasGroup(name: ${nested(490, '[', ']')}) }` },
  '240 levels of an object': { query: `{ hasGroup(name: ${nested(240, '{a:', '}', '1')}) }` },
  '20,000 levels of a type': {
    query: `query ($it: ${nested(20_000, '[', ']', 'ID')}) { me { id } }`,
  },
  '501 items of a list': {
    query: `mutation { updateGroup(id: "x", input: { permissionIds: [${ids(501)}] }) { __typename } }`,
  },
  '30 large pages': { query: `{ ${times(30, (it) => `a${it}: users(first: 100) { ${page} }`)} }` },
  '30 large pages by a variable': {
    query: `query ($n: Int) { ${times(30, (it) => `a${it}: users(first: $n) { ${page} }`)} }`,
    variables: { n: 100 },
  },
  'a large page in a fragment spread often': {
    query: `{ ${times(12, (it) => `a${it}: users(last: 100) { ...P }`)} }
      fragment P on UserConnection { edges { node { groups { permissions { id } } } } }`,
  },
  '49,000 levels in a variable': `{"query":"query ($it: String!) { hasGroup(name: $it) }",
    "variables":{"it":${nested(49_000, '[', ']')}}}`,
  '49,000 levels in a variable that is not asked for': `{"query":"{ __typename }","variables":{"it":${nested(49_000, '[', ']')}}}`,
  '11 levels in a variable': `{"query":"query ($it: String!) { hasGroup(name: $it) }",
    "variables":{"it":${nested(11, '[', ']')}}}`,
  '15,000 levels of objects in a variable': `{"query":"{ __typename }","variables":${nested(15_000, '{"a":', '}', '1')}}`,
  '49,000 levels beside the query': `{"query":"{","extensions":{"a":${nested(49_000, '[', ']')}}}`,
  '30,000 items in a variable': {
    query: 'query ($it: String!) { hasGroup(name: $it) }',
    variables: { it: Array.from({ length: 30_000 }, () => 1) },
  },
};

describe('an operation beyond a limit', () => {
  test.each(Object.entries(tooLarge))('%s: 400 and a short response', async (_what, body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(response.text).not.toMatch(/call stack|"data"/i);
    expect(response.text).not.toMatch(internals);
    expect(response.text.length).toBeLessThan(2000);
    expect(response.errors.length).toBeLessThanOrEqual(limits.errors);
    for (const { extensions } of response.errors) {
      expect(extensions.code).toMatch(
        /^(GRAPHQL_(PARSE|VALIDATION)_FAILED|BAD_USER_INPUT|BAD_REQUEST)$/,
      );
    }
  });

  test('2000 levels in the variables of a GET: 400', async () => {
    const search = new URLSearchParams({
      query: 'query ($it: String!) { hasGroup(name: $it) }',
      variables: `{"it":${nested(2000, '[', ']')}}`,
    });
    const response = await fetch(`${service.address}/graphql?${search}`, {
      headers: { 'apollo-require-preflight': 'true' },
    });
    expect(response.status).toBe(400);
    expect(JSON.parse(await response.text()).errors).toEqual([
      {
        message: 'it: Is nested too deeply.',
        extensions: {
          code: 'BAD_USER_INPUT',
          fields: [{ path: 'it', message: 'Is nested too deeply.' }],
        },
      },
    ]);
  });

  test('the message says how to stay within the limit, with status 400 also for Accept: application/json', async () => {
    const asked: readonly (readonly [string, RegExp])[] = [
      ['20,000 duplicate fields', /1000 tokens/],
      ['31 aliases', /30 aliases/],
      ['21 directives', /20 directives/],
      ['11 levels', /10 fields deep/],
      ['30 large pages', /too expensive/],
    ];
    for (const [what, expected] of asked) {
      const response = await fetch(`${service.address}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(tooLarge[what]),
      });
      expect([what, response.status]).toEqual([what, 400]);
      expect(JSON.parse(await response.text()).errors[0].message).toMatch(expected);
    }
  });

  test('refusing takes about as long as a query and retains no memory', async () => {
    const bodies = Object.values(tooLarge);
    const round = async () => {
      for (const body of bodies) await post(body);
    };
    await round();
    const before = process.memoryUsage().rss;
    const start = performance.now();
    for (let count = 0; count < 5; count += 1) await round();
    const milliseconds = (performance.now() - start) / (5 * bodies.length);
    expect(milliseconds).toBeLessThan(500); // about 10 on an idle machine
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  test('a list that is too long is named, on both interfaces', async () => {
    const permissionIds = Array.from({ length: 501 }, () => 'x');
    const message = 'Must have at most 500 items.';
    const { status, errors } = await service.graphql(
      'mutation ($id: ID!, $it: UpdateGroupInput!) { updateGroup(id: $id, input: $it) { __typename } }',
      { id: 'x', it: { permissionIds } },
      root.accessToken,
    );
    expect(status).toBe(400);
    expect(errors).toEqual([
      {
        message: `it.permissionIds: ${message}`,
        extensions: { code: 'BAD_USER_INPUT', fields: [{ path: 'it.permissionIds', message }] },
      },
    ]);
    const response = await service.rest('POST', '/admin/groups/', {
      token: root.accessToken,
      json: { name: 'Large', permissions: permissionIds },
    });
    expect(response.status).toBe(400);
    expect(response.body.data).toEqual({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'permissions', message }],
    });
  });
});

describe('a response has at most three errors', () => {
  test.each([
    ['of validation', `{ ${times(40, (it) => `nothing${it}`)} }`],
    ['of directives', `{ __typename ${times(10, (it) => `@a${it}`)} }`],
    ['of execution', `{ ${times(9, (it) => `a${it}: user(id: "x") { id }`)} }`],
  ])('%s', async (_what, query) => {
    const { errors } = await service.graphql(query);
    expect(errors).toHaveLength(limits.errors);
    for (const { message } of errors ?? []) expect(message).not.toMatch(/aborted/);
  });

  test('the variables have at most three errors', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `a${index}`);
    const { status, errors } = await service.graphql(
      `query (${names.map((name) => `$${name}: ID!`).join()}) {
        ${names.map((name) => `${name}: user(id: $${name}) { id }`).join(' ')} }`,
    );
    expect(status).toBe(400);
    expect(errors).toHaveLength(limits.errors);
  });
});

describe('ordinary operations are accepted', () => {
  const whole: readonly (readonly [string, string])[] = [
    ['a full page of users with their permissions', `{ users(first: 100) { ${page} } }`],
    ['the schema, as the IDE asks for it', getIntrospectionQuery({ inputValueDeprecation: true })],
    ['30 aliases', `{ ${times(30, (it) => `a${it}: hasPermission(permission: "shop.p${it}")`)} }`],
    ['20 directives', `{ me { ${times(20, () => 'id @include(if: true)')} } }`],
    [
      'everything about the caller',
      `{ me { id email username firstName lastName fullName status isActive isStaff isSuperuser
        pendingEmail locale createdAt updatedAt lastLoginAt effectivePermissions
        groups { id name description permissions { id codename name isBuiltIn } }
        permissions { id codename name isBuiltIn } sessions { id current lastUsedAt userAgent } } }`,
    ],
    [
      'all lists at once, each its usual page',
      `{ users { totalCount edges { cursor node { id groups { name permissions { codename } } } } }
         groups { nodes { name permissions { codename } } } permissions { nodes { codename } }
         auditEntries { nodes { id action before after } } }`,
    ],
  ];

  test.each(whole)('%s', async (_what, query) => {
    const { status, errors } = await service.graphql(query, {}, root.accessToken);
    expect(errors).toBeUndefined();
    expect(status).toBe(200);
  });

  test.each(restRoutes)('the operation of $method $path', async ({ document }) => {
    const { errors = [] } = await service.graphql(document, {});
    const codes = errors.map(({ extensions }) => extensions?.code);
    const harmless = new Set(['BAD_USER_INPUT', 'UNAUTHENTICATED']);
    expect(codes.filter((code) => !harmless.has(String(code)))).toEqual([]);
  });
});
