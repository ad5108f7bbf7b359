/** Malicious bodies and bodies that two parsers could read differently: refused without an effect. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseJsonBody } from '../../../src/api/http/bodies.ts';
import { httpLimits } from '../../../src/api/http/limits.ts';
import { HttpError } from '../../../src/api/http/responses.ts';
import { goodPassword, person } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { envelopeOf, internals } from '../../support/refusals.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';

let service: TestService;
let email: string;

beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  ({ email } = await person(service));
});
afterAll(() => service.close());

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (path: string, body: string | Buffer, headers = json) =>
  rawRequest(service.address, ['POST', path], { headers, body });

/** `inside` is part of a body that would otherwise log in. */
const loginWith = (inside: string) =>
  `{"email":"${email}","password":"${goodPassword}"${inside === '' ? '' : `,${inside}`}}`;
const graphqlWith = (inside: string) =>
  `{"query":"{ __typename }"${inside === '' ? '' : `,${inside}`}}`;

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

const harmful: readonly (readonly [what: string, inside: string])[] = [
  ['a key twice', '"x":1,"x":1'],
  ['a key twice, once escaped', '"xy":1,"\\u0078y":1'],
  [
    'a key twice, far apart',
    `"x":1,${Array.from({ length: 2000 }, (_, i) => `"k${i}":{"x":1}`)},"x":2`,
  ],
  ['a key twice, deep inside', '"variables":{"a":[{"b":1,"b":2}]}'],
  ['an empty key twice', '"":1,"":2'],
  ['a prototype', '"__proto__":{"isStaff":true}'],
  ['a prototype, escaped', '"\\u005f_proto__":{"isStaff":true}'],
  ['a prototype, deep inside', '"variables":{"a":[{"__proto__":null}]}'],
  ['a constructor', '"constructor":{"prototype":{"isStaff":true}}'],
  ['a number out of range', '"x":1e400'],
  ['a negative number out of range', '"x":[-1e400]'],
  ['a number of a thousand digits', `"x":${'9'.repeat(1000)}`],
  ['33 levels', `"x":${nested(32)}`],
  ['33 levels of objects', `"x":${'{"y":'.repeat(32)}1${'}'.repeat(32)}`],
  ['49,000 levels', `"x":${nested(49_000)}`],
  ['unclosed levels', `"x":${'['.repeat(90_000)}`],
  ['a comment', '"x":1/* */'],
  ['a comma too many', '"x":1,'],
  ['single quotes', "'x':1"],
  ['an invalid number', '"x":NaN'],
  ['a number without leading digits', '"x":01'],
  ['a raw line break in a text', '"x":"a\nb"'],
  ['a raw NUL in a text', '"x":"a\0b"'],
  ['an invalid escape', '"x":"\\x41"'],
  ['a second document', '"x":1}{"y":1'],
];

describe('JSON', () => {
  test.each(harmful)('%s: 400 on both interfaces', async (_what, inside) => {
    const rest = await post('/auth/login/', loginWith(inside));
    expect(rest.status).toBe(400);
    expect(envelopeOf(rest)).toMatchObject({ code: 'VALIDATION_FAILED', fields: [] });
    const graphql = await post('/graphql', graphqlWith(inside));
    expect(graphql.status).toBe(400);
    expect(JSON.parse(graphql.text).errors).toHaveLength(1);
    expect(graphql.text).not.toMatch(internals);
  });

  const bytes: readonly (readonly [what: string, (text: string) => Buffer])[] = [
    ['a byte order mark', (text) => Buffer.from(`\ufeff${text}`)],
    ['UTF-16', (text) => Buffer.from(text, 'utf16le')],
    ['a byte that never occurs in UTF-8', (text) => withBytes(text, [0xff])],
    ['an overlong slash', (text) => withBytes(text, [0xc0, 0xaf])],
    ['half a surrogate pair', (text) => withBytes(text, [0xed, 0xa0, 0x80])],
    ['half a character', (text) => withBytes(text, [0xe2, 0x82])],
    ['a character beyond U+10FFFF', (text) => withBytes(text, [0xf4, 0x90, 0x80, 0x80])],
  ];

  test.each(bytes)('%s: 400 on both interfaces', async (_what, encode) => {
    expect((await post('/auth/login/', encode(loginWith('"x":"@"')))).status).toBe(400);
    expect((await post('/graphql', encode(graphqlWith('"variables":{"a":"@"}')))).status).toBe(400);
  });

  const harmless: readonly (readonly [what: string, inside: string])[] = [
    ['ordinary JSON', ''],
    ['a key again in another object', '"x":{"email":1,"y":{"email":1}},"y":[{"a":1},{"a":1}]'],
    ['texts that look like keys', '"x":["a","a:","\\"a\\":1",{"a":"a"}],"y":"}{][,:"'],
    ['texts that name prototypes', '"x":"__proto__","y":["constructor"]'],
    ['32 levels', `"x":${nested(31)}`],
    ['white space everywhere', ' \n\t"x" :\r [ 1 , { } , [ ] ] '],
    ['characters beyond ASCII', '"ключ":"значение","\\ud83d\\ude00":"\u{1f600}"'],
    ['large and small numbers', '"x":[1e308,-0.0,5e-324,12345678901234567890]'],
  ];

  test.each(harmless)('%s: accepted on both interfaces', async (_what, inside) => {
    expect((await post('/auth/login/', loginWith(inside))).status).toBe(200);
    expect((await post('/graphql', graphqlWith(inside))).status).toBe(200);
  });

  test.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('the type %s is accepted', async (type) => {
    const response = await post('/auth/login/', loginWith(''), { 'content-type': type });
    expect(response.status).toBe(200);
  });

  test('all other JSON is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const hasRefusedKey = /"(__proto__|constructor)":/.test(text);
        const isInfinite = /\de\+?\d{3}/i.test(text);
        fc.pre(!hasRefusedKey && !isInfinite);
        expect(parseJsonBody(Buffer.from(text), 32)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('a repeated key is found at any place', () => {
    const values = fc.json({ maxDepth: 3 });
    const written = fc.tuple(fc.string(), values, values, fc.array(fc.tuple(fc.string(), values)));
    fc.assert(
      fc.property(written, ([key, first, second, others]) => {
        const names = new Set(others.map(([name]) => name).filter((name) => name !== key));
        const between = [...names].map((name) => `${JSON.stringify(name)}:1`);
        const members = [
          `${JSON.stringify(key)}:${first}`,
          ...between,
          `${JSON.stringify(key)}:${second}`,
        ];
        const text = `[{"list":[{${members.join(',')}}]}]`;
        expect(() => parseJsonBody(Buffer.from(text), 32)).toThrow(HttpError);
      }),
    );
  });

  test('reading the largest body of the worst shape takes linear time', () => {
    const fill = (unit: string) => unit.repeat(Math.floor(httpLimits.bodyBytes / unit.length));
    const shapes = [
      '[',
      '{"":',
      '"',
      '\\"',
      '"\\\\',
      '1,',
      '9',
      '":',
      '[]',
      '{"a":1,',
      ' ',
      '\\u',
    ].flatMap((unit) => [
      fill(unit),
      `[${fill(unit)}]`,
      `"${fill(unit)}"`,
      `{"a":"${fill(unit)}"}`,
    ]);
    const start = performance.now();
    for (const shape of shapes) {
      try {
        parseJsonBody(Buffer.from(shape), httpLimits.jsonDepth);
      } catch (error) {
        expect(error).toBeInstanceOf(HttpError);
      }
    }
    expect(performance.now() - start).toBeLessThan(2000); // 48 bodies; quadratic time would take minutes
  });
});

function withBytes(text: string, bytes: readonly number[]): Buffer {
  const [before = '', after = ''] = text.split('"@"');
  return Buffer.concat([Buffer.from(`${before}"`), Buffer.from(bytes), Buffer.from(`"${after}`)]);
}

describe('forms', () => {
  const written = (fields: Readonly<Record<string, string>>) =>
    new URLSearchParams(fields).toString();

  test('a repeated name is refused and named in the error', async () => {
    const login = written({ email, password: goodPassword });
    for (const name of ['email', 'password']) {
      const response = await post('/auth/login/', `${login}&${name}=other`, form);
      expect(envelopeOf(response)).toMatchObject({
        code: 'VALIDATION_FAILED',
        fields: [{ path: name }],
      });
    }
  });

  test('several addresses in one request send no reset link', async () => {
    await quiet(service);
    const before = service.mail.mails.length;
    const attempts = [
      post('/auth/password/request_change/', `{"email":"${email}","email":"a@b.example"}`),
      post('/auth/password/request_change/', `{"email":["${email}","a@b.example"]}`),
      post('/auth/password/request_change/', `{"email":"${email},a@b.example"}`),
      post('/auth/password/request_change/', '{"email":{"$ne":null}}'),
      post('/auth/password/request_change/', `email=${email}&email=a@b.example`, form),
      post('/auth/password/request_change/', `email[]=${email}&email[]=a@b.example`, form),
      post('/auth/password/request_change/', `email=${email}%2Ca@b.example`, form),
      post('/auth/password/request_change/', `email=${email}%0Aa@b.example`, form),
    ];
    for (const response of await Promise.all(attempts)) expect(response.status).toBe(400);
    await quiet(service);
    expect(service.mail.mails.length).toBe(before);
  });

  test.each([
    ['escaped', `%ff%fe`],
    ['overlong', '%c0%af'],
    ['half a surrogate pair', '%ed%a0%80'],
  ])('text that is not UTF-8 is refused: %s', async (_what, text) => {
    const response = await post('/auth/login/', `email=${email}&password=${text}`, form);
    expect(response.status).toBe(400);
    expect(envelopeOf(response).fields).toEqual([]);
    const bare = Buffer.concat([
      Buffer.from(`email=${email}&password=`),
      Buffer.from(text.replaceAll('%', ''), 'hex'),
    ]);
    expect((await post('/auth/login/', bare, form)).status).toBe(400);
  });

  test('an unescaped percent sign is read as itself', async () => {
    const password = '100% sure of 50%zz';
    const someone = await person(service, { password });
    const body = `email=${someone.email}&password=${password.replaceAll(' ', '+')}`;
    expect((await post('/auth/login/', body, form)).status).toBe(200);
  });

  test('names with a meaning in JavaScript are ordinary names', async () => {
    const body = `__proto__=x&constructor=y&hasOwnProperty=z&${written({ email, password: goodPassword })}`;
    expect((await post('/auth/login/', body, form)).status).toBe(200);
  });
});
