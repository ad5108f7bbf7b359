/** GraphQL: problems as data, top-level errors, unexpected errors, introspection and the IDE. */
import { buildClientSchema, buildSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sentenceOf } from '../../src/core/errors.ts';
import { schemaText, withoutFederation } from '../support/operations.ts';
import {
  goodPassword,
  type Login,
  newAddress,
  register,
  somebody,
  tryLogin,
} from '../support/people.ts';
import { internals } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
/** Without introspection and without an IDE. */
let quietService: TestService;
let ada: Login & { readonly email: string; readonly userId: string };

beforeAll(async () => {
  service = await startService();
  quietService = await startService({
    database: service.database,
    mail: service.mail,
    environment: { DEBUG: 'False' },
  });
  ada = await somebody(service);
});
afterAll(async () => {
  await quietService.close();
  await service.close();
});

const registerDocument = `mutation ($input: RegisterInput!) {
  register(input: $input) { __typename ... on Problem { code message fields { path message } } }
}`;
const registration = (email: string) => ({
  input: { email, password: goodPassword, firstName: 'Ada', lastName: 'Lovelace' },
});

async function isRegistered(email: string): Promise<boolean> {
  const rows = await service.database.query('select 1 from registrations where email = $1', [
    email,
  ]);
  return rows.length > 0;
}

describe('problems as data', () => {
  test('the result of every mutation is a union of its success and Problem', () => {
    const fields = buildSchema(schemaText).getMutationType()?.getFields() ?? {};
    expect(Object.keys(fields).length).toBeGreaterThan(30);
    for (const { name, type } of Object.values(fields)) {
      expect(String(type)).toBe(`${name[0]?.toUpperCase()}${name.slice(1)}Result!`);
      expect(schemaText).toMatch(
        new RegExp(`union ${name[0]?.toUpperCase()}${name.slice(1)}Result = .*\\bProblem\\b`),
      );
    }
  });

  test('invalid input is a Problem that names every field, and no error', async () => {
    const { status, data, errors } = await service.graphql(registerDocument, {
      input: { email: 'nobody', password: 'short', firstName: '', lastName: '<', username: '@' },
    });
    expect(status).toBe(200);
    expect(errors).toBeUndefined();
    expect(data.register).toMatchObject({
      __typename: 'Problem',
      code: 'VALIDATION_FAILED',
      message: sentenceOf('VALIDATION_FAILED'),
    });
    expect(data.register.fields.map(({ path }: { path: string }) => path).sort()).toEqual(
      ['email', 'firstName', 'lastName', 'password', 'username'].sort(),
    );
  });

  test('success is the other member of the union', async () => {
    const { data } = await service.graphql(registerDocument, registration(newAddress()));
    expect(data).toEqual({ register: { __typename: 'Acknowledgement' } });
    const login = await tryLogin(service, ada.email);
    expect(login).toMatchObject({ __typename: 'TokenPair', tokenType: 'Bearer' });
    for (const at of [login.accessTokenExpiresAt, login.refreshTokenExpiresAt]) {
      expect(new Date(at).toISOString()).toBe(at);
    }
    expect(Date.parse(login.accessTokenExpiresAt) - Date.now()).toBeLessThanOrEqual(300_000);
    expect(Date.parse(login.refreshTokenExpiresAt) - Date.now()).toBeGreaterThan(1_200_000_000);
  });

  test('the user of a login has all fields of the own account', async () => {
    const { data, errors } = await service.graphql(
      `{ me { id email username firstName lastName fullName status isActive isStaff isSuperuser
         pendingEmail createdAt updatedAt lastLoginAt groups { name } permissions { codename }
         effectivePermissions } }`,
      {},
      ada.accessToken,
    );
    expect(errors).toBeUndefined();
    expect(data.me).toMatchObject({
      id: ada.userId,
      email: ada.email,
      fullName: 'Ada Lovelace',
      status: 'ACTIVE',
      isActive: true,
      isStaff: false,
      groups: [],
      effectivePermissions: [],
    });
  });

  test('a problem in one field does not affect the other fields of the request', async () => {
    const { data, errors } = await service.graphql(
      'mutation { one: verifyEmail(code: "x") { __typename } two: logoutEverywhere { __typename } }',
    );
    expect(data).toBeNull(); // `logoutEverywhere` is not nullable, so its error sets data to null
    expect(errors).toEqual([
      expect.objectContaining({ extensions: expect.objectContaining({ code: 'UNAUTHENTICATED' }) }),
    ]);
  });
});

describe('authentication', () => {
  test.each([
    ['{ me { id } }', 'me'],
    ['{ hasGroup(name: "Root") }', 'hasGroup'],
    ['{ hasPermission(permission: "users.view_user") }', 'hasPermission'],
    ['mutation { logout { __typename } }', 'logout'],
  ])('without a token %s is UNAUTHENTICATED, as an error of the field', async (query, field) => {
    const response = await service.graphql(query);
    expect(response.status).toBe(200);
    expect(response.data).toBeNull();
    expect(response.errors).toEqual([
      {
        message: sentenceOf('UNAUTHENTICATED'),
        path: [field],
        locations: [expect.any(Object)],
        extensions: { code: 'UNAUTHENTICATED' },
      },
    ]);
  });

  test('authentication comes before validation', async () => {
    const response = await service.graphql('{ hasGroup(name: "") }');
    expect(response.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });

  test('an invalid token fails the whole request where it needs a caller, before anything is executed', async () => {
    const email = newAddress();
    const document = `${registerDocument.trimEnd().slice(0, -1)} me: logoutEverywhere { __typename } }`;
    for (const token of ['', 'x', `${ada.accessToken}x`, ada.refreshToken]) {
      const response = await service.graphql(document, registration(email), token);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(JSON.parse(response.text)).toEqual({
        errors: [
          { message: sentenceOf('UNAUTHENTICATED'), extensions: { code: 'UNAUTHENTICATED' } },
        ],
      });
    }
    expect(await isRegistered(email)).toBe(false);
    expect(service.mail.mails.filter(({ to }) => to === email)).toEqual([]);
  });

  test('an invalid token is ignored where no caller is needed', async () => {
    const response = await service.graphql('{ __typename }', {}, 'x');
    expect(response.data).toEqual({ __typename: 'Query' });
  });

  test('a public operation works with a valid token', async () => {
    const email = newAddress();
    const response = await service.graphql(registerDocument, registration(email), ada.accessToken);
    expect(response.data).toEqual({ register: { __typename: 'Acknowledgement' } });
    expect(await isRegistered(email)).toBe(true);
  });
});

describe('unexpected errors', () => {
  const loginDocument = `mutation ($input: LoginInput!) { login(input: $input) { __typename } }`;

  /** Renames a table while `work` runs. */
  async function without<Result>(table: string, work: () => Promise<Result>): Promise<Result> {
    await service.database.query(`alter table ${table} rename to hidden`);
    try {
      return await work();
    } finally {
      await service.database.query(`alter table hidden rename to ${table}`);
    }
  }

  test('in a resolver: INTERNAL with its constant sentence and the request id, nothing else', async () => {
    const response = await without('sessions', () =>
      service.graphql(loginDocument, { input: { email: ada.email, password: goodPassword } }),
    );
    expect(response.text).not.toMatch(internals);
    expect(response.data).toBeNull();
    expect(response.errors).toEqual([
      {
        message: sentenceOf('INTERNAL'),
        path: ['login'],
        extensions: { code: 'INTERNAL', requestId: response.headers.get('x-request-id') },
      },
    ]);
    expect(await tryLogin(service, ada.email)).toMatchObject({ __typename: 'TokenPair' });
  });

  test('before a resolver: INTERNAL in the shape of GraphQL', async () => {
    // A session without earlier requests is not cached.
    const { accessToken } = await tryLogin(service, ada.email);
    const response = await without('sessions', () =>
      service.graphql('{ me { id } }', {}, accessToken),
    );
    expect(response.status).toBe(500);
    expect(response.text).not.toMatch(internals);
    expect(response.errors).toEqual([
      expect.objectContaining({
        message: sentenceOf('INTERNAL'),
        extensions: expect.objectContaining({ code: 'INTERNAL' }),
      }),
    ]);
  });

  test.each(['graphql', 'rest'] as const)(
    'on %s an unexpected error is logged once, with the request id of the response',
    async (door) => {
      const linesBefore = service.logLines.length;
      const input = { email: ada.email, password: goodPassword };
      const { headers } = await without<{ readonly headers: Headers }>('sessions', () =>
        door === 'graphql'
          ? service.graphql(loginDocument, { input })
          : service.rest('POST', '/login/', { json: input }),
      );
      const logged = service.logLines.slice(linesBefore).map((line) => JSON.parse(line));
      const errors = logged.filter(({ level }) => level >= 50);
      expect(errors).toEqual([
        expect.objectContaining({
          requestId: headers.get('x-request-id'),
          msg: expect.any(String),
        }),
      ]);
      expect(errors[0].err.message).toContain('sessions');
    },
  );

  test('a row refused by the database leaves no hash in the log', async () => {
    const { code } = await register(service);
    const linesBefore = service.logLines.length;
    await service.database.query(
      'alter table password_hashes add constraint refused check (false) not valid',
    );
    const document = 'mutation ($code: String!) { verifyEmail(code: $code) { __typename } }';
    const response = await service.graphql(document, { code });
    await service.database.query('alter table password_hashes drop constraint refused');
    expect(response.errors?.[0]?.extensions?.code).toBe('INTERNAL');
    expect(response.text).not.toMatch(internals);
    const logged = service.logLines.slice(linesBefore).join('');
    expect(/\$argon2id?\$.{0,80}/.exec(logged)?.[0]).toBeUndefined();
    expect((await service.graphql(document, { code })).data.verifyEmail.__typename).toBe(
      'Acknowledgement',
    );
  });
});

describe('introspection and IDE', () => {
  const shallow = '{ __schema { types { name } } }';

  test('with DEBUG the schema can be read, and is the file with all its descriptions', async () => {
    const { data } = await service.graphql(
      getIntrospectionQuery({
        schemaDescription: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
      }),
    );
    expect(printSchema(withoutFederation(buildClientSchema(data)))).toBe(
      printSchema(buildSchema(schemaText)),
    );
  });

  test.each([shallow, '{ __type(name: "User") { name } }', getIntrospectionQuery()])(
    'without DEBUG introspection is refused: %.30s',
    async (query) => {
      const response = await quietService.graphql(query);
      expect(response.status).toBe(400);
      expect(response.data).toBeUndefined();
      expect(response.text).not.toMatch(/RegisterInput|fullName/);
    },
  );

  test.each(['{ mee { id } }', '{ me { idd emial } }', 'mutation { logn { __typename } }'])(
    'without DEBUG an error suggests no names: %s',
    async (query) => {
      const response = await quietService.graphql(query);
      expect(response.status).toBe(400);
      expect(response.text).not.toMatch(/did you mean|\blogin\b|\bemail\b/i);
      expect(response.errors?.[0]?.extensions?.code).toBe('GRAPHQL_VALIDATION_FAILED');
    },
  );

  test('__typename is allowed', async () => {
    expect((await quietService.graphql('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });

  test('a browser gets the IDE with DEBUG only', async () => {
    const open = (address: string) =>
      fetch(`${address}/graphql`, { headers: { accept: 'text/html,*/*;q=0.8' } });
    const ide = await open(service.address);
    expect(ide.status).toBe(200);
    expect(await ide.text()).toMatch(/<script/);
    const refused = await open(quietService.address);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(await refused.text()).not.toMatch(/<script|sandbox|altair/i);
    const hidden = await fetch(`${quietService.address}/graphql/ide/`);
    expect(hidden.status).toBe(404);
    await hidden.arrayBuffer();
  });
});

test('both interfaces send the code by mail only', async () => {
  const { code, email } = await register(service);
  expect(code).toMatch(/^[\w-]{22}$/);
  const { data } = await service.graphql(registerDocument, registration(email));
  expect(JSON.stringify(data)).not.toContain(code);
});
