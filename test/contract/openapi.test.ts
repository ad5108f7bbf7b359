/** The OpenAPI document: routes, types and bounds of inputs, and every refusal as the document describes it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestRoute } from '../../src/api/rest/route.ts';
import { restRoutes } from '../../src/api/rest/routes.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  permissionId,
  superuser,
} from '../support/administrators.ts';
import { createKey, createServiceAccount, type Key } from '../support/api-keys.ts';
import type { RestAnswer, RestRequest } from '../support/client.ts';
import {
  type DescribedApi,
  type JsonSchema,
  readDescribedApi,
  urlOf,
} from '../support/described-api.ts';
import { goodPassword, somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let api: DescribedApi;

beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  api = await readDescribedApi(service.address);
});
afterAll(() => service.close());

const operations = () =>
  Object.entries(api.document.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ url, method, operation })),
  );

const inputsOf = (route: RestRoute, from: 'body' | 'path' | 'query') =>
  Object.keys(route.params).filter((name) => route.params[name]?.from === from);

/** The schema of the body of a route. */
function bodyOf({ method, path }: RestRoute): {
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, JsonSchema>>;
} {
  const schema = api.operation(method, path).requestBody?.content['application/json']?.schema;
  const resolved = api.resolve(schema ?? {});
  return { properties: {}, ...resolved };
}

describe('the document', () => {
  test('has exactly the routes of the table', () => {
    expect(api.document.openapi).toMatch(/^3\.1\./);
    const described = operations().map(({ url, method }) => `${method.toUpperCase()} ${url}`);
    const rows = restRoutes.map(({ method, path }) => `${method} ${urlOf(path)}`);
    expect(described.sort()).toEqual(rows.sort());
  });

  test('names each operation after its GraphQL field, once', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const idOf = (method: string, path: string) => api.operation(method, path).operationId;
    expect(idOf('POST', '/login/')).toBe('login');
    expect(idOf('GET', '/profile/has_group/:group/')).toBe('hasGroup');
    expect(idOf('PUT', '/admin/users/:id/')).toBe('updateUser');
    expect(idOf('PATCH', '/admin/users/:id/')).toBe('patchUser');
    expect(idOf('GET', '/api_keys/')).toBe('apiKeys');
  });

  test.each(restRoutes)('$method $path has its inputs, as JSON, and needs its token', (route) => {
    const operation = api.operation(route.method, route.path);
    const named = (from: string) =>
      (operation.parameters ?? []).filter((each) => each.in === from).map(({ name }) => name);
    expect(named('path')).toEqual(inputsOf(route, 'path'));
    expect(named('query')).toEqual(inputsOf(route, 'query'));
    expect(Object.keys(bodyOf(route).properties)).toEqual(inputsOf(route, 'body'));
    const types = Object.keys(operation.requestBody?.content ?? {});
    expect(types).toEqual(inputsOf(route, 'body').length > 0 ? ['application/json'] : []);
    const cookie =
      route.path === '/logout/' && route.method === 'POST' ? [{ sessionCookie: [] }] : [];
    expect(operation.security).toEqual(route.needsToken ? [{ bearer: [] }, ...cookie] : []);
  });

  test('describes every operation, parameter and property', () => {
    const nameless: string[] = [];
    const visit = (value: unknown, path: string) => {
      if (typeof value !== 'object' || value === null) return;
      for (const [name, each] of Object.entries(value)) visit(each, `${path}/${name}`);
      if ('properties' in value) {
        for (const [name, property] of Object.entries(value.properties as object)) {
          if (!/\w/.test(property.description ?? '') && !property.$ref)
            nameless.push(`${path}/${name}`);
        }
      }
    };
    visit(api.document, '');
    for (const { url, method, operation } of operations()) {
      const parts = [operation, ...(operation.parameters ?? [])];
      for (const { description } of parts) {
        if (!/\w{2}.*\.$/s.test(description)) nameless.push(`${method} ${url}: ${description}`);
      }
    }
    expect(nameless).toEqual([]);
  });

  test('knows the type of every property', () => {
    const schemas = Object.entries(api.document.components.schemas ?? {});
    const typeless = schemas.flatMap(([name, schema]) =>
      Object.entries((schema as { properties?: Record<string, JsonSchema> }).properties ?? {})
        .filter(([, { type, $ref, anyOf, const: value }]) => !(type ?? $ref ?? anyOf ?? value))
        .map(([property]) => `${name}.${property}`),
    );
    expect(schemas.length).toBeGreaterThan(20);
    expect(typeless).toEqual([]);
  });
});

const anyId: string = randomUUID();

function pathOf({ path }: RestRoute, id = anyId): string {
  return path
    .replace(/:id\b/, id)
    .replace(/:group\b/, 'Root')
    .replace(/:\w+/g, 'nonsense');
}

/** A valid body of the required fields, or of one optional field. */
function sampleBody(route: RestRoute): Record<string, unknown> {
  const { required, properties } = bodyOf(route);
  const names = required ?? Object.keys(properties).slice(0, 1);
  return Object.fromEntries(names.map((name) => [name, sampleOf(properties[name])]));
}

function sampleOf({ format, examples }: JsonSchema = {}): unknown {
  if (format === 'password') return goodPassword;
  return Array.isArray(examples) ? examples[0] : 'nonsense';
}

describe('refusals are as the document describes them', () => {
  /** The only superuser. */
  let root: Administrator;
  /** The keys of a service account and of a user. */
  let robot: Key;
  let own: Key;
  beforeAll(async () => {
    root = await superuser(service);
    const { id: serviceAccountId } = await createServiceAccount(service, root.accessToken);
    robot = await createKey(service, root.accessToken, { serviceAccountId });
    own = await createKey(service, root.accessToken);
  });

  /** Requests with an API key, and for a key of an unknown service account. */
  function keyRequests({ method, path }: RestRoute): (RestRequest & { path?: string })[] {
    const serviceAccount = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
    const special: Readonly<Record<string, (RestRequest & { path?: string })[]>> = {
      'POST /api_keys/': [
        { json: { name: 'key', service_account: serviceAccount }, token: root.accessToken },
      ],
      'DELETE /api_keys/:id/': [{ path: `/api_keys/${own.id}/`, token: own.secret }],
    };
    return special[`${method} ${path}`] ?? [];
  }

  const cookieModeElsewhere = { 'x-session-transport': 'cookie', origin: 'https://evil.example' };

  /** Requests that are refused in different ways. */
  async function refusedRequests(route: RestRoute): Promise<(RestRequest & { path?: string })[]> {
    const hasBody = inputsOf(route, 'body').length > 0;
    const { accessToken: token } = await somebody(service);
    const json = hasBody ? { json: sampleBody(route) } : {};
    const text = { 'content-type': 'text/plain' };
    return [
      json,
      { ...json, headers: { accept: 'text/csv' }, token },
      ...(route.needsToken ? [{ ...json, token: robot.secret }] : []),
      ...keyRequests(route),
      ...(route.usesSessionCookie ? [{ ...json, headers: cookieModeElsewhere }] : []),
      ...(route.path.startsWith('/admin/')
        ? [
            { ...json, token },
            { ...json, token: root.accessToken },
          ]
        : []),
      ...(hasBody
        ? [
            { form: 'some text', headers: text, token },
            { form: 'x'.repeat(100_001), token },
            { form: 'x=%ff', token },
            ...credentialsOf(route).map((wrong) => ({ json: wrong, token })),
            ...protectedOf(route),
          ]
        : []),
    ];
  }

  /** Bodies with credentials that are not correct. */
  function credentialsOf(route: RestRoute): object[] {
    const { properties } = bodyOf(route);
    const names = Object.keys(properties).filter((name) => /email|password$|token/.test(name));
    const sample = Object.fromEntries(names.map((name) => [name, sampleOf(properties[name])]));
    return route.path.startsWith('/admin/') ? [] : [{ ...sampleBody(route), ...sample }];
  }

  /** The last superuser cannot disable the own account. */
  function protectedOf({ method, path }: RestRoute): RestRequest[] {
    const { email, accessToken: token } = root;
    const isOwn = `${method} ${path}` === 'DELETE /profile/delete/';
    return isOwn ? [{ json: { email, password: goodPassword }, token }] : [];
  }

  test.each(restRoutes)('$method $path', async (route) => {
    const seen = new Set<number>([400]); // another Host gets it on each route
    for (const request of await refusedRequests(route)) {
      const answer = await service.rest(route.method, request.path ?? pathOf(route), request);
      expect(api.faultsOf(route, answer), answer.text).toEqual([]);
      seen.add(answer.status);
    }
    seen.delete(route.success.status);
    const described = Object.keys(api.operation(route.method, route.path).responses).map(Number);
    const rare = [429, 500, 503];
    const expected = described.filter(
      (status) => status !== route.success.status && !rare.includes(status),
    );
    expect([...seen].sort()).toEqual(expected);
  });

  test('too many attempts', async () => {
    await using limited = await startService();
    const json = { email: 'ada@example.com', password: 'wrong' };
    let answer: RestAnswer;
    do answer = await limited.rest('POST', '/login/', { json });
    while (answer.status === 401);
    expect(answer.status).toBe(429);
    expect(api.faultsOf({ method: 'POST', path: '/login/' }, answer)).toEqual([]);
  });
});

describe('the bounds of inputs are those of the service', () => {
  let root: { accessToken: string };
  let ids: Readonly<Record<string, string>>;
  beforeAll(async () => {
    root = await superuser(service);
    ids = {
      users: await makeUser(service),
      groups: await makeGroup(service),
      permissions: await permissionId(service, 'shop.view_order'),
    };
  });

  const bodies = restRoutes.filter((route) => inputsOf(route, 'body').length > 0);

  test.each(bodies)('$method $path', async (route) => {
    const id = ids[route.path.split('/')[2] ?? ''];
    const send = (json: object) =>
      service.rest(route.method, pathOf(route, id), { json, token: root.accessToken });
    for (const [name, { minLength, maxLength }] of Object.entries(bodyOf(route).properties)) {
      const lengths = [Number(minLength) - 1, Number(maxLength) + 1];
      for (const length of lengths.filter((each) => each >= 0)) {
        const answer = await send({ ...sampleBody(route), [name]: 'a'.repeat(length) });
        expect(answer.status, `${name} of ${length}`).toBe(400);
      }
    }
  });
});
