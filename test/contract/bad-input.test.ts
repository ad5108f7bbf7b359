/**
 * Every input of every operation, on GraphQL and on REST, with invalid values of every kind:
 * refused by name, never echoed, never logged, never an unexpected error, and without an effect.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RestParam, RestRoute } from '../../src/api/rest/route.ts';
import { restRoutes } from '../../src/api/rest/routes.ts';
import { exampleBodies, exampleVariables } from '../support/examples.ts';
import { nastyStrings } from '../support/nasty-strings.ts';
import { readOperations, type TextInput } from '../support/operations.ts';
import { type Login, register, somebody, tryLogin } from '../support/people.ts';
import { rawRequest } from '../support/raw-request.ts';
import { envelopeOf, internals } from '../support/refusals.ts';
import { quiet, startService, type TestService } from '../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string };
let loggedInAt: number;

beforeAll(async () => {
  // The attempts exceed the rate limits.
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  ada = await somebody(service);
  loggedInAt = performance.now();
  // A superuser, so that only the input is refused.
  await service.database.query('update users set is_superuser = true, is_staff = true');
});
afterAll(() => service.close());

/** An access token is valid for 300 seconds. On a busy machine the tests take longer. */
beforeEach(async () => {
  if (performance.now() - loggedInAt < 120_000) return;
  unchanged = undefined;
  const { accessToken, refreshToken } = await tryLogin(service, ada.email);
  ada = { ...ada, accessToken, refreshToken };
  loggedInAt = performance.now();
});

/** Part of every invalid value, in each of its forms, and must never be echoed. */
const canary = `kanarie${randomBytes(4).toString('hex')}`;
const canaryNumber = 48_151_623_420_815;
const echoes = new RegExp(`${canary}|${canaryNumber}`);

interface BadValue {
  readonly what: string;
  readonly value: unknown;
  /** Passwords are taken exactly as they are received, control characters included. */
  readonly isGoodPassword?: true;
  readonly isBadOnlyIfRequired?: true;
  readonly isGoodBlank?: true;
  readonly isGoodJson?: true;
}

const badValues: readonly BadValue[] = [
  { what: 'empty', value: '', isGoodBlank: true },
  { what: '10,000 characters', value: canary + 'a'.repeat(10_000 - canary.length) },
  { what: 'NUL inside', value: `${canary}\u0000${canary}`, isGoodPassword: true },
  { what: 'a bell inside', value: `${canary}\u0007${canary}`, isGoodPassword: true },
  { what: 'a line feed inside', value: `${canary}\n${canary}`, isGoodPassword: true },
  { what: 'an escape inside', value: `${canary}\u001b[31m${canary}`, isGoodPassword: true },
  { what: 'half a surrogate pair', value: `${canary}\ud800` },
  { what: 'an array', value: [canary] },
  { what: 'an object', value: { $ne: canary }, isGoodJson: true },
  { what: 'a number', value: canaryNumber },
  { what: 'null', value: null, isBadOnlyIfRequired: true },
];

/** Inputs for which a blank text counts as missing. */
const mayBeBlank = new Set([
  'description',
  'externalId',
  'external_id',
  'lastName',
  'last_name',
  'passwordHash',
  'password_hash',
  'username',
]);

/** A list of codes accepts the canary, which is a valid code. It does not accept a code with a space. */
const malformedCode = `${canary} ${canary}`;
const badCodes: BadValue = { what: 'an array of malformed codes', value: [malformedCode] };

/** One control character is enough where texts are only read from another place; the variables have them all. */
const isOtherControl = ({ what }: BadValue) => /^(a bell|a line feed|an escape) inside$/.test(what);

interface Input {
  readonly name: string;
  readonly isRequired: boolean;
  readonly kind?: RestParam['kind'];
}

function badValuesOf({ name, isRequired, kind }: Input): readonly BadValue[] {
  const isPassword = /password(Confirmation|2)?$/i.test(name);
  return badValues
    .map((bad) => (kind === 'codes' && Array.isArray(bad.value) ? badCodes : bad))
    .filter(({ isBadOnlyIfRequired }) => isRequired || !isBadOnlyIfRequired)
    .filter(({ isGoodPassword }) => !isPassword || !isGoodPassword)
    .filter(({ isGoodBlank }) => !mayBeBlank.has(name) || !isGoodBlank)
    .filter(({ isGoodJson }) => kind !== 'json' || !isGoodJson);
}

const elsewhereOf = (input: Input) => badValuesOf(input).filter((bad) => !isOtherControl(bad));

/** Refused as wrong instead of malformed: these are compared, so no field is named. */
const comparedInputs: Readonly<Record<string, string>> = {
  code: 'INVALID_CODE',
  refreshToken: 'INVALID_TOKEN',
  refresh_token: 'INVALID_TOKEN',
  token: 'INVALID_TOKEN',
  uid: 'INVALID_TOKEN',
  uidb64: 'INVALID_TOKEN',
  id: 'NOT_FOUND',
};

/** The inputs that an operation needs besides the invalid value. */
const goodVariables = exampleVariables(() => ada.email);

/** The variables with another value at `path`. */
function withValue(
  variables: Readonly<Record<string, unknown>>,
  [first = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (rest.length === 0) return { ...variables, [first]: value };
  const inner = Object(variables[first]) as Record<string, unknown>; // an input object, or none yet
  return { ...variables, [first]: withValue(inner, rest, value) };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Expectations of every response to invalid input. */
function expectHarmless({ status, text }: Answer): void {
  expect(status).toBeLessThan(500);
  expect(text).not.toMatch(/"INTERNAL"/);
  expect(text).not.toMatch(echoes);
  expect(text).not.toMatch(internals);
}

interface Blame {
  readonly codes: readonly string[];
  readonly blamed: readonly string[];
}

interface Refusal {
  readonly code?: string;
  readonly fields?: readonly { readonly path: string }[];
}

/** The codes of a GraphQL response, and the inputs that it names. */
function blameOf(text: string): Blame {
  const { data, errors = [] } = JSON.parse(text);
  const refusals: Refusal[] = [
    ...(data?.result?.code === undefined ? [] : [data.result]),
    // The result of `isPasswordResetValid` for every invalid link.
    ...(data?.result === false ? [{ code: 'INVALID_TOKEN' }] : []),
    ...errors.map(({ extensions }: { extensions: Refusal }) => extensions),
  ];
  return {
    codes: refusals.map(({ code }) => String(code)),
    blamed: [
      ...refusals.flatMap(({ fields = [] }) => fields.map(({ path }) => path.split('.').at(-1))),
      ...errors.flatMap(({ message }: { message: string }) => message.match(/\w+/g) ?? []),
    ].map(String),
  };
}

function expectBlame({ codes, blamed }: Blame, name: string): void {
  expect(codes.length, 'it is refused').toBeGreaterThan(0);
  if (codes.includes(comparedInputs[name] ?? '')) return;
  expect(blamed).toContain(name);
}

/** The state that invalid input must not change. */
async function traces(): Promise<object> {
  const [row] = await service.database.query<object>(`select
    (select count(*) from users) as users,
    (select count(*) from users where status = 'ACTIVE') as active,
    (select count(*) from groups) as groups,
    (select count(*) from permissions) as permissions,
    (select count(*) from one_time_passwords) as codes,
    (select count(*) from api_keys) as api_keys,
    (select count(*) from sessions) as sessions,
    (select count(*) from sessions where ended_at is null) as live`);
  return { ...row, mails: service.mail.mails.length };
}

/** Collects the faults of all attempts, so that one run shows them all. */
async function faultsOf<Item extends { readonly what: string }>(
  items: readonly Item[],
  attempt: (item: Item) => Promise<void>,
): Promise<string[]> {
  const faults: string[] = [];
  for (const item of items) {
    try {
      await attempt(item);
    } catch (error) {
      const [reason] = String(error).split('\n');
      faults.push(`${item.what}: ${reason?.slice(0, 300)}`);
    }
  }
  return faults;
}

/** The state after the last test that must not change it; undefined after another test. */
let unchanged: object | undefined;

/** Runs the attempts: none has a fault, no value is logged, and nothing is changed. */
async function expectNothingHappens(attempts: () => Promise<string[]>): Promise<void> {
  const before = unchanged ?? (await traces());
  const linesBefore = service.logLines.length;
  expect.soft(await attempts()).toEqual([]);
  unchanged = await traces();
  expect.soft(unchanged).toEqual(before);
  const leaks = service.logLines.slice(linesBefore).filter((line) => echoes.test(line));
  expect.soft(leaks.map((line) => line.slice(0, 300))).toEqual([]);
}

const operations = readOperations();

test('every operation has an example', () => {
  expect(Object.keys(goodVariables).sort()).toEqual(operations.map(({ name }) => name).sort());
});

describe('GraphQL', () => {
  const inputs = operations.flatMap((operation) =>
    operation.inputs.map((input) => ({ ...input, ...operation, name: input.name, input })),
  );

  test.each(inputs)('$operation refuses $path as a variable', async ({ document, input }) => {
    await expectNothingHappens(() =>
      faultsOf(badValuesOf(input), async ({ value }) => {
        const variables = withValue(goodVariablesOf(input), input.path, value);
        const response = await service.graphql(document, variables, ada.accessToken);
        expectHarmless(response);
        expectBlame(blameOf(response.text), input.name);
      }),
    );
  });

  test.each(inputs)('$operation refuses $path in its text', async ({ documentWith, input }) => {
    await expectNothingHappens(() =>
      faultsOf(elsewhereOf(input), async ({ value }) => {
        const variables = withValue(goodVariablesOf(input), input.path, value);
        const document = documentWith(`(${literalMembers(variables)})`);
        const response = await service.graphql(document, {}, ada.accessToken);
        expectHarmless(response);
        expect(blameOf(response.text).codes.length).toBeGreaterThan(0);
      }),
    );
  });

  test.each(inputs.filter(({ input }) => input.isRequired))(
    '$operation refuses null for $path from the default of a variable',
    async ({ documentWith, input }) => {
      await expectNothingHappens(() =>
        faultsOf([{ what: 'null', value: null }], async () => {
          const marked = withValue(goodVariablesOf(input), input.path, marker);
          // The other inputs are part of the text, where a message about all of it could quote them.
          const text = literalMembers(marked, canary).replace(JSON.stringify(marker), '$it');
          const document = documentWith(`(${text})`, '($it: String = "x")');
          const response = await service.graphql(document, { it: null }, ada.accessToken);
          expectHarmless(response);
          expect(blameOf(response.text).codes.length).toBeGreaterThan(0);
        }),
      );
    },
  );

  test('a key that resembles a message of graphql-js is not taken for one', async () => {
    const text = 'mutation ($code: String!) { result: verifyEmail(code: $code) { __typename } }';
    const response = await service.graphql(text, { code: { [`at "${canary}"`]: 1 } });
    expectHarmless(response);
    expectBlame(blameOf(response.text), 'code');
  });

  test('an unknown input is named', async () => {
    const login = operations.find(({ name }) => name === 'login');
    const variables = withValue(goodVariables.login?.() ?? {}, ['input', 'isStaff'], true);
    const response = await service.graphql(login?.document ?? '', variables);
    expectHarmless(response);
    expect(response.errors?.[0]?.message).toContain('isStaff');
  });

  const readers = ['login', 'hasGroup', 'hasPermission', 'verifyEmail', 'users', 'updateProfile'];
  const read = inputs.filter(({ operation }) => readers.includes(operation));
  test.each(inTurns(read, ({ name }) => name))(
    '$operation never fails unexpectedly for unusual texts at $path, as a variable and in its text',
    async ({ document, documentWith, input, operation, turn }) => {
      const variablesWith = (text: string) => withValue(goodVariablesOf(input), input.path, text);
      const asVariable = (text: string) =>
        service.graphql(document, variablesWith(text), ada.accessToken);
      const inText = (text: string) =>
        service.graphql(
          documentWith(`(${literalMembers(variablesWith(text))})`),
          {},
          ada.accessToken,
        );
      // The costly operations get the second half of their texts in the document.
      const [first, second] = isCostly(operation)
        ? [
            { ...turn, of: 8 },
            { number: turn.number + 4, of: 8 },
          ]
        : [turn, { ...turn, of: 4 }];
      expect(await faultsOfNasty(first, asVariable)).toEqual([]);
      expect(await faultsOfNasty(second, inText)).toEqual([]);
    },
  );

  const malformed: readonly (readonly [string, object])[] = [
    ['variables that are a text', { query: '{ __typename }', variables: 'text' }],
    ['variables that are an array', { query: '{ __typename }', variables: [7] }],
    ['a query that is an object', { query: { $ne: '' } }],
    ['a query that does not end', { query: 'mutation { login(input: {email: "' }],
    ['half a surrogate pair in a query', { query: '{ hasGroup(name: "\ud800") }' }],
    ['an invalid name of an operation', { query: '{ __typename }', operationName: 'none' }],
    ['extensions that are a text', { query: '{ __typename }', extensions: 'text' }],
  ];

  test.each(malformed)('%s is a malformed request with its code', async (_what, body) => {
    const response = await fetch(`${service.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.status).toBe(400);
    expectHarmless({ status: response.status, text });
    expect(blameOf(text).codes).toEqual([expect.stringMatching(/^[A-Z_]+$/)]);
  });
});

/** These hash a password or write a mail, so they get every fourth text only. */
const isCostly = (operation: string) =>
  /login|register|profile|admin\/users|password/i.test(operation);

/** The part of the texts for one of several inputs that share them. */
interface Turn {
  readonly number: number;
  readonly of: number;
}

/** Inputs that are read alike share the texts: each text is used for one in four of them at least. */
function inTurns<Input>(
  inputs: readonly Input[],
  kindOf: (input: Input) => string,
): (Input & { readonly turn: Turn })[] {
  return [...Map.groupBy(inputs, kindOf).values()].flatMap((alike) => {
    const of = Math.min(alike.length, 4);
    return alike.map((input, index) => ({ ...input, turn: { number: index % 4, of } }));
  });
}

async function faultsOfNasty(
  { number, of }: Turn,
  send: (text: string) => Promise<Answer>,
): Promise<string[]> {
  unchanged = undefined; // some of the texts are valid
  const items = nastyStrings
    .filter((_text, index) => index % of === number % of)
    .map((text) => ({ what: JSON.stringify(text), text }));
  const faults = await faultsOf(items, async ({ text }) => expectHarmless(await send(text)));
  await quiet(service); // the other tests count mails
  return faults;
}

const marker = 'this is the place';

function goodVariablesOf({ operation }: Pick<TextInput, 'operation'>) {
  const create = goodVariables[operation];
  if (!create) throw new Error(`no example for ${operation}`);
  return create();
}

/** A value as a GraphQL document writes it; every text but the marker is replaced by `instead`. */
function literal(value: unknown, instead?: string): string {
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, instead)).join(', ')}]`;
  if (value instanceof Object) return `{${literalMembers(value, instead)}}`;
  const isReplaced = instead !== undefined && value !== marker;
  return JSON.stringify(isReplaced ? instead : value);
}

function literalMembers(value: object, instead?: string): string {
  return Object.entries(value)
    .map(([name, member]) => `${name.replace(/\W+/g, '_')}: ${literal(member, instead)}`)
    .join(', ');
}

const goodBodies = exampleBodies(() => ada.email);

describe('REST', () => {
  const params = restRoutes.flatMap((row) =>
    Object.entries(row.params).map(([name, { from, isRequired, kind }]) => ({
      row,
      path: row.path,
      name,
      from,
      isRequired,
      kind,
    })),
  );
  const inBody = params.filter(({ from }) => from === 'body');

  async function expectRefused(response: Answer, name: string): Promise<void> {
    expectHarmless(response);
    const { code, fields } = envelopeOf(response);
    if (code === comparedInputs[name]) return;
    expect(fields.map(({ path }) => path)).toContain(name);
  }

  function goodBodyOf({ path }: RestRoute): Record<string, unknown> {
    const create = goodBodies[path];
    if (!create) throw new Error(`no example for ${path}`);
    return create();
  }

  test.each(inBody)('$row.method $path refuses $name in JSON', async (input) => {
    const { row, name } = input;
    await expectNothingHappens(() =>
      faultsOf(badValuesOf(input), async ({ value }) => {
        const json = { ...goodBodyOf(row), [name]: value };
        const response = await service.rest(row.method, row.path, { json, token: ada.accessToken });
        await expectRefused(response, name);
      }),
    );
  });

  test.each(inBody)('$row.method $path refuses $name in a form', async (input) => {
    const { row, name } = input;
    await expectNothingHappens(() =>
      faultsOf(formsOf(input), async ({ value }) => {
        const { [name]: _replaced, ...others } = goodBodyOf(row);
        const form = [new URLSearchParams(others as Record<string, string>), value].join('&');
        const response = await service.rest(row.method, row.path, { form, token: ada.accessToken });
        await expectRefused(response, name);
      }),
    );
  });

  test.each(params.filter(({ from }) => from === 'query'))(
    '$path refuses $name in the query',
    async (input) => {
      const { row, name } = input;
      await expectNothingHappens(() =>
        faultsOf(formsOf(input), async ({ value }) => {
          const token = row.needsToken ? ada.accessToken : undefined;
          const others = Object.entries(row.params)
            .filter(([key, it]) => key !== name && it.from === 'query' && it.isRequired)
            .map(([key]) => `${key}=unknown`);
          const path = `${row.path}?${[...others, value].join('&')}`;
          await expectRefused(await service.rest(row.method, path, { token }), name);
        }),
      );
    },
  );

  /** A text as a form or query writes it; an object, which these cannot express, leaves it missing. */
  function formsOf(input: Input & { readonly from: string; readonly row: RestRoute }) {
    const { name, isRequired, from, kind, row } = input;
    const isLeftOut = (value: unknown) =>
      value === '' && from === 'body' && !isRequired && !row.isStrict;
    const twice = encodeURIComponent(kind === 'codes' ? malformedCode : canary);
    const written = elsewhereOf(input)
      .filter(({ value, what }) => typeof value === 'string' && !what.includes('surrogate'))
      .filter(({ value }) => !isLeftOut(value))
      .map(({ what, value }) => ({ what, value: `${name}=${encodeURIComponent(String(value))}` }));
    return [
      ...written,
      { what: 'given twice', value: `${name}=${twice}&${name}=${twice}` },
      ...(isRequired ? [{ what: 'as an object', value: `${name}[$ne]=${canary}` }] : []),
    ];
  }

  test.each(params.filter(({ from }) => from === 'path'))(
    '$row.method $path refuses $name',
    async ({ row, name }) => {
      const values = badValues
        .filter(({ value }) => typeof value === 'string')
        .map(({ what, value }) => ({ what, written: percentEncoded(String(value)) }));
      await expectNothingHappens(() =>
        faultsOf(values, async ({ written, what }) => {
          const path = `/auth${row.path.replace(`:${name}`, written)}`;
          const isChange = row.method === 'PUT' || row.method === 'PATCH';
          const response = await rawRequest(service.address, [row.method, path], {
            headers: {
              authorization: `Bearer ${ada.accessToken}`,
              ...(isChange ? { 'content-type': 'application/json' } : {}),
            },
            ...(isChange ? { body: JSON.stringify(goodBodyOf(row)) } : {}),
          });
          expectHarmless(response);
          const { code, fields } = envelopeOf(response);
          if (code === comparedInputs[name]) return;
          const isAddressRefused = /10,000|surrogate/.test(what) && fields.length === 0;
          if (!isAddressRefused) expect(fields.map((field) => field.path)).toEqual([name]);
        }),
      );
    },
  );

  /** Half a surrogate pair has no UTF-8; these three bytes are its usual invalid encoding. */
  function percentEncoded(text: string): string {
    return (
      encodeURIComponent(text.replaceAll('\ud800', '')) + (text.isWellFormed() ? '' : '%ED%A0%80')
    );
  }

  const texts = params.filter(
    ({ row, name }) => row.params[name]?.kind === 'text' && row.method !== 'PATCH',
  );
  test.each(inTurns(texts, ({ name, from }) => `${from} ${name}`))(
    '$row.method $path never fails unexpectedly for unusual texts as $name',
    async ({ row, name, from, turn }) => {
      const send = (text: string) => {
        const written = encodeURIComponent(text);
        const path =
          from === 'path'
            ? row.path.replace(`:${name}`, written)
            : from === 'query'
              ? `${row.path}?${name}=${written}`
              : row.path;
        const json = { ...goodBodies[row.path]?.(), ...(from === 'body' ? { [name]: text } : {}) };
        return service.rest(row.method, path, {
          token: ada.accessToken,
          ...(row.method === 'GET' ? {} : { json }),
        });
      };
      const share = isCostly(row.path) ? { ...turn, of: 4 } : turn;
      expect(await faultsOfNasty(share, send)).toEqual([]);
    },
  );

  const posts = restRoutes.filter(({ method }) => method === 'POST');
  const deep = 40_000;
  const bodies: readonly { readonly what: string; readonly body: string | Buffer }[] = [
    ...['[]', '"text"', '7', 'null', 'true', `["${canary}"]`].map((body) => ({ what: body, body })),
    { what: 'a deep array', body: '['.repeat(deep) + ']'.repeat(deep) },
    { what: 'a deep value', body: `{"email":${'['.repeat(deep)}${']'.repeat(deep)}}` },
    { what: 'a byte order mark', body: '\ufeff{"email":' },
    {
      what: 'invalid UTF-8',
      body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x22, 0xc0, 0x22, 0x7d]),
    },
    {
      what: 'a number beyond numbers',
      body: '{"email":1e400,"password":-1e400,"first_name":1e400,"refresh_token":1e400}',
    },
    { what: 'a constructor', body: '{"constructor":{"prototype":{"email":"a@b.cd"}}}' },
    { what: 'a prototype', body: `{"__proto__":{"email":"${canary}"}}` },
    { what: 'an unquoted text', body: `{"email": ${canary}}` },
  ];

  const readsBody = ({ params, path }: RestRoute) =>
    path !== '/logout/' && Object.values(params).some(({ from }) => from === 'body');

  test.each(posts.filter(readsBody))(
    'POST $path refuses bodies other than objects of texts',
    async ({ path, needsToken }) => {
      await expectNothingHappens(() =>
        faultsOf(bodies, async ({ body }) => {
          const headers = {
            'content-type': 'application/json',
            ...(needsToken ? { authorization: `Bearer ${ada.accessToken}` } : {}),
          };
          const response = await rawRequest(service.address, ['POST', `/auth${path}`], {
            headers,
            body,
          });
          expectHarmless(response);
          expect(response.status).toBe(400);
          envelopeOf(response);
        }),
      );
    },
  );
});

describe('passwords', () => {
  test.each([
    ['NUL', 'before\u0000after the NUL'],
    ['control characters', '\u0007bell\u001bescape\r\nline'],
    ['spaces around', '  spaces belong to it  '],
    ['a character beyond the BMP', 'eight \u{1f512}\u{1f511} locks'],
  ])(
    'a password with %s is valid to the last character, on both interfaces',
    async (_what, password) => {
      const { email } = await somebody(service, { password });
      const login = (given: string) =>
        service.rest('POST', '/login/', { json: { email, password: given } });
      expect((await login(password)).status).toBe(200);
      expect((await login(password.slice(0, 6))).status).toBe(401);
      expect((await login(password.trim().slice(0, -1))).status).toBe(401);
      expect(await tryLogin(service, email, `${password} `)).toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
    },
  );
});

test('a wrong verification code is INVALID_CODE, and the right one remains valid', async () => {
  const { code } = await register(service);
  const flipped = code.slice(0, -2) + (code.endsWith('AA') ? 'BA' : 'AA');
  for (const wrong of [
    flipped,
    code.slice(1),
    `${code}A`,
    code.toLowerCase(),
    "' or '1'='1",
    '%00',
  ]) {
    const response = await service.graphql(
      'mutation ($code: String!) { result: verifyEmail(code: $code) { ... on Problem { code } } }',
      { code: wrong },
    );
    expect(response.data.result).toEqual({ code: 'INVALID_CODE' });
  }
  expect((await service.rest('GET', `/register/verify?code=${code}`)).status).toBe(200);
});
