/** Every error code on both interfaces, with status and sentence from the catalogue. */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTopLevel, type ProblemCode, problemCodes, sentenceOf } from '../../src/core/errors.ts';
import { permissionId, superuser } from '../support/administrators.ts';
import {
  goodPassword,
  type Login,
  newAddress,
  pendingAccount,
  register,
  somebody,
} from '../support/people.ts';
import { type RawAnswer, rawRequest } from '../support/raw-request.ts';
import { expectRefusal, internals } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string; readonly userId: string };

/** A superuser. */
let root: Login;

beforeAll(async () => {
  // The attempts exceed the rate limits, which have tests of their own.
  service = await startService({ environment: { RATE_LIMITS: 'off' }, hasCostlyHashes: true });
  root = await superuser(service);
  ada = await somebody(service, { username: 'ada' });
});
afterAll(() => service.close());

const problem = '__typename ... on Problem { code message fields { path } }';
const documents = {
  login: `mutation ($email: String!, $password: String!) {
    result: login(input: { email: $email, password: $password }) { ${problem} }
  }`,
  verifyEmail: `mutation ($code: String!) { result: verifyEmail(code: $code) { ${problem} } }`,
  createUser: `mutation ($email: String!) { result: createUser(input: { email: $email }) { ${problem} } }`,
  deactivateUser: `mutation ($id: ID!) { result: deactivateUser(id: $id) { ${problem} } }`,
  deletePermission: `mutation ($id: ID!) { result: deletePermission(id: $id) { ${problem} } }`,
  logout: `mutation ($refreshToken: String) { result: logout(refreshToken: $refreshToken) { ${problem} } }`,
} as const;

type Provocation = () => Promise<{
  readonly graphql: {
    readonly document: string;
    readonly variables?: object;
    readonly token?: string;
  };
  readonly rest: { readonly method: string; readonly path: string; readonly json?: object };
  /** The values that both interfaces send, and the state to restore. */
  readonly token?: string;
  readonly undo?: () => Promise<unknown>;
}>;

const loginOf = (email: string, password: string) => ({
  graphql: { document: documents.login, variables: { email, password } },
  rest: { method: 'POST', path: '/login/', json: { email, password } },
});

const disabling = (id: string, { accessToken: token }: Login) => ({
  graphql: { document: documents.deactivateUser, variables: { id } },
  rest: { method: 'DELETE', path: `/admin/users/${id}/` },
  token,
});

const provocations: Partial<Readonly<Record<ProblemCode, Provocation>>> = {
  VALIDATION_FAILED: async () => loginOf('', goodPassword),
  INVALID_CREDENTIALS: async () => loginOf(ada.email, 'not the password'),
  ACCOUNT_NOT_ACTIVE: async () => loginOf((await pendingAccount(service)).email, goodPassword),
  INVALID_CODE: async () => ({
    graphql: { document: documents.verifyEmail, variables: { code: 'AAAAAAAAAAAAAAAAAAAAAA' } },
    rest: { method: 'GET', path: '/register/verify/?code=AAAAAAAAAAAAAAAAAAAAAA' },
  }),
  INVALID_TOKEN: async () => ({
    graphql: { document: documents.logout, variables: { refreshToken: 'not one of ours' } },
    rest: { method: 'POST', path: '/logout/', json: { refresh_token: 'not one of ours' } },
    token: ada.accessToken,
  }),
  ALREADY_EXISTS: async () => ({
    graphql: { document: documents.createUser, variables: { email: ada.email } },
    rest: { method: 'POST', path: '/admin/users/', json: { email: ada.email } },
    token: root.accessToken,
  }),
  NOT_FOUND: async () => disabling('01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9', root),
  FORBIDDEN: async () => disabling(ada.userId, ada),
  PROTECTED: async () => {
    const id = await permissionId(service, 'users.view_user');
    return {
      graphql: { document: documents.deletePermission, variables: { id } },
      rest: { method: 'DELETE', path: `/admin/permissions/${id}/` },
      token: root.accessToken,
    };
  },
  UNAUTHENTICATED: async () => ({
    graphql: { document: '{ result: me { id } }' },
    rest: { method: 'GET', path: '/profile/view/' },
  }),
  INTERNAL: async () => {
    await service.database.query('alter table sessions rename to hidden');
    const undo = () => service.database.query('alter table hidden rename to sessions');
    return { ...loginOf(ada.email, goodPassword), undo };
  },
};

/** Codes with tests of their own: rate limits, and below. */
const elsewhere: readonly ProblemCode[] = ['THROTTLED', 'OVERLOADED'];

const fieldsOf: Partial<Record<ProblemCode, readonly string[]>> = {
  VALIDATION_FAILED: ['email'],
  ALREADY_EXISTS: ['email'],
};

test('every code of the catalogue is tested here or has a test of its own', () => {
  expect([...Object.keys(provocations), ...elsewhere].sort()).toEqual([...problemCodes].sort());
});

describe.each(Object.entries(provocations) as [ProblemCode, Provocation][])(
  '%s',
  (code, provoke) => {
    test('on GraphQL', async () => {
      const { graphql, token, undo } = await provoke();
      const response = await service.graphql(graphql.document, graphql.variables, token);
      await undo?.();
      expect(response.status).toBe(200);
      expect(response.text).not.toMatch(internals);
      const message = sentenceOf(code);
      if (isTopLevel(code)) {
        const extensions = expect.objectContaining({ code });
        expect(response.errors).toEqual([expect.objectContaining({ message, extensions })]);
        return;
      }
      const fields = (fieldsOf[code] ?? []).map((path) => ({ path }));
      expect(response.errors).toBeUndefined();
      expect(response.data.result).toEqual({ __typename: 'Problem', code, message, fields });
    });

    test('on REST', async () => {
      const { rest, token, undo } = await provoke();
      const { method, path, json } = rest;
      const response = await service.rest(method, path, { token, ...(json ? { json } : {}) });
      await undo?.();
      if (code === 'INTERNAL') return expectInternal(response);
      expectRefusal(response, code, fieldsOf[code]);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const challenge = response.headers.get('www-authenticate');
      if (code === 'UNAUTHENTICATED') expect(challenge).toBe('Bearer');
    });
  },
);

/** A constant text and a request id, nothing else; in snake_case as all of REST. */
function expectInternal(response: { status: number; text: string; headers: Headers }): void {
  expect(response.status).toBe(500);
  expect(response.text).not.toMatch(internals);
  expect(JSON.parse(response.text)).toEqual({
    message: sentenceOf('INTERNAL'),
    data: { code: 'INTERNAL', fields: [], request_id: response.headers.get('x-request-id') },
  });
}

test('NOT_FOUND: an unknown path', async () => {
  for (const [method, path] of [
    ['GET', '/nothing/'],
    ['POST', '/profile/'],
  ] as const) {
    expectRefusal(await service.rest(method, path), 'NOT_FOUND');
  }
});

/** Sends one body as JSON; rejects when the signal aborts. */
async function post(path: string, body: object, signal: AbortSignal) {
  const response = await fetch(`${service.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** That many parallel wrong logins, on both interfaces. */
function parallelLogins(size: number, signal: AbortSignal) {
  const login = { email: ada.email, password: 'not the password' };
  const asked = { query: documents.login, variables: login };
  const half = Array.from({ length: Math.ceil(size / 2) });
  return {
    rest: half.map(() => post('/auth/login/', login, signal)),
    graphql: half.map(() => post('/graphql', asked, signal)),
  };
}

const isOverloaded = ({ text }: { readonly text: string }) => text.includes('OVERLOADED');

/** The first response that fits; later ones are ignored. */
function firstResponse<Answer>(
  responses: readonly Promise<Answer>[],
  isWanted: (response: Answer) => boolean,
): Promise<Answer> {
  const wanted = async (response: Promise<Answer>) => {
    if (!isWanted(await response)) throw new Error('another response');
    return response;
  };
  return Promise.any(responses.map(wanted));
}

test('OVERLOADED: more logins than the queue holds, with the time to wait before a retry', async () => {
  const controller = new AbortController();
  const started = parallelLogins(availableParallelism() * 101 + 250, controller.signal);
  const [rest, graphql] = await Promise.all([
    firstResponse(started.rest, isOverloaded),
    firstResponse(started.graphql, isOverloaded),
  ]);
  controller.abort(); // the waiting ones leave the queue
  await Promise.allSettled([...started.rest, ...started.graphql]);
  expectRefusal(rest, 'OVERLOADED');
  const seconds = Number(rest.headers.get('retry-after'));
  expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60).toBe(true);
  const { errors } = JSON.parse(graphql.text);
  expect(errors[0].message).toBe(sentenceOf('OVERLOADED'));
  expect(errors[0].extensions).toEqual({ code: 'OVERLOADED', retryAfter: expect.any(Number) });
  expect((await service.rest('GET', '/profile/view/', { token: ada.accessToken })).status).toBe(
    200,
  );
});

test('an aborted request is not logged as an error', async () => {
  const linesBefore = service.logLines.length;
  const controller = new AbortController();
  const started = parallelLogins(40, controller.signal);
  await firstResponse(started.rest, () => true);
  controller.abort();
  await Promise.allSettled([...started.rest, ...started.graphql]);
  // Waits for its turn, so all aborted requests have left the queue by then.
  await service.rest('POST', '/login/', { json: { email: ada.email, password: goodPassword } });
  const errors = service.logLines.slice(linesBefore).filter((line) => JSON.parse(line).level >= 50);
  expect(new Set(errors.map((line) => JSON.parse(line).err.message))).toEqual(new Set());
});

/** Everything that a caller can compare, without time and request id. */
function visible({ status, rawHeaders, text }: RawAnswer): string {
  const headers = rawHeaders.flatMap((name, index) => {
    const isName = index % 2 === 0;
    return isName && !/^(date|x-request-id)$/i.test(name)
      ? [`${name}: ${rawHeaders[index + 1]}`]
      : [];
  });
  return [status, ...headers, '', text].join('\n');
}

test('B01: failed logins get byte-identical responses for every reason', async () => {
  const [disabled, pending, broken] = [
    await somebody(service, { username: 'dora' }),
    await pendingAccount(service),
    await somebody(service),
  ];
  await service.database.query("update users set status = 'DISABLED' where id = $1", [
    disabled.userId,
  ]);
  await service.database.query(
    "update password_hashes set password_hash = '!' where user_id = $1",
    [broken.userId],
  );
  const unconfirmed = await register(service);
  const attempts: readonly (readonly [string, string])[] = [
    [newAddress(), goodPassword],
    ['nobody.by.that.name', goodPassword],
    ['not@an@address', goodPassword],
    ['no name at all', goodPassword],
    [ada.email, 'not the password'],
    [ada.email.toUpperCase(), 'not the password'],
    ['ada', 'not the password'],
    [disabled.email, goodPassword],
    [disabled.email, 'not the password'],
    ['dora', goodPassword],
    [pending.email, 'not the password'],
    [unconfirmed.email, goodPassword],
    [unconfirmed.email, 'not the password'],
    [broken.email, goodPassword],
    [broken.email, '!'],
  ];
  const headers = { 'content-type': 'application/json' };
  for (const path of ['/auth/login/', '/graphql']) {
    const seen = new Map<string, string>();
    for (const [email, password] of attempts) {
      const given = { email, password };
      const body = JSON.stringify(
        path === '/graphql' ? { query: documents.login, variables: given } : given,
      );
      const response = await rawRequest(service.address, ['POST', path], { headers, body });
      expect(response.text).toContain('INVALID_CREDENTIALS');
      seen.set(visible(response), `${email} ${password}`);
    }
    expect([...seen.values()], path).toHaveLength(1);
  }
});

test('B03: a taken and a free address get byte-identical responses to a registration', async () => {
  const disabled = await somebody(service);
  await service.database.query("update users set status = 'DISABLED' where id = $1", [
    disabled.userId,
  ]);
  const { email: pending } = await register(service);
  const headers = { 'content-type': 'application/json' };
  const seen = new Set<string>();
  for (const email of [newAddress(), ada.email, ada.email.toUpperCase(), pending, disabled.email]) {
    const body = JSON.stringify({
      email,
      first_name: 'Eve',
      last_name: 'Curious',
      password: 'a password of her own',
    });
    seen.add(
      visible(await rawRequest(service.address, ['POST', '/auth/register/'], { headers, body })),
    );
  }
  expect([...seen]).toHaveLength(1);
});
