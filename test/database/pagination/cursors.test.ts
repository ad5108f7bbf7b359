/** Forged cursors are rejected with the name of their argument, over GraphQL and REST, and never with 500. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Administrator,
  makeGroup,
  makeUser,
  superuser,
} from '../../support/administrators.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  await makeUser(service);
});
afterAll(() => service.close());

const id = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
const written = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url');

/** Every list: its field, the column of its order, and the arguments that select that order. */
const lists = [
  ['users', 'created_at', 'orderBy: { field: CREATED_AT, direction: DESC }'],
  ['users', 'updated_at', 'orderBy: { field: UPDATED_AT, direction: ASC }'],
  ['users', 'email', 'orderBy: { field: EMAIL, direction: ASC }'],
  ['groups', 'name', ''],
  ['permissions', 'codename', ''],
  ['auditEntries', 'at', ''],
] as const;

const restPaths = {
  users: '/admin/users/',
  groups: '/admin/groups/',
  permissions: '/admin/permissions/',
} as const;

/** 'page', 'refused', or the text of an unexpected response. */
type CursorOutcome = string;

async function overGraphql(field: string, more: string, cursor: string): Promise<CursorOutcome> {
  const outcomes = ['first: 2, after', 'last: 2, before'].map(async (given) => {
    const { data, errors, text } = await service.graphql(
      `query ($cursor: String) { result: ${field}(${given}: $cursor ${more}) { edges { cursor } } }`,
      { cursor },
      root.accessToken,
    );
    if (data?.result) return 'page';
    return errors?.[0]?.extensions?.code === 'VALIDATION_FAILED' ? 'refused' : text;
  });
  const [one, other] = await Promise.all(outcomes);
  return one === other ? (one ?? '') : `${one} ${other}`;
}

async function overRest(path: string, cursor: string): Promise<CursorOutcome> {
  const { status, text, body } = await service.rest(
    'GET',
    `${path}?cursor=${encodeURIComponent(cursor)}`,
    { token: root.accessToken },
  );
  if (status === 200) return 'page';
  return status === 400 && body.data.code === 'VALIDATION_FAILED' ? 'refused' : text;
}

const times = [
  '0000-01-01 00:00:00+00',
  '0000-12-31 23:59:59.999999+15:59',
  '2026-01-31 12:00:00+99',
  '2026-01-31 12:00:00-16',
  '2026-01-31 12:00:00+16:00',
  '2026-01-31 12:00:00+15:60',
  '2026-01-31 12:00:00+00:99',
  '2026-01-31 24:00:00+00',
  '2026-01-31 12:00:60+00',
  '10000-01-01 00:00:00+00',
  '99999-01-01 00:00:00+00',
  '-0001-01-01 00:00:00+00',
  '0044-03-15 00:00:00+00 BC',
  '2026-02-30 00:00:00+00',
  '2026-01-31 12:00:00',
  '2026-01-31T12:00:00Z',
  '٢٠٢٦-01-31 12:00:00+00',
  'epoch',
  'infinity',
  '-infinity',
];

describe.each(lists.filter(([, column]) => column.endsWith('at')))(
  'J11: %s by %s',
  (field, column, more) => {
    test.each(times)('J11: a cursor at %j is rejected', async (time) => {
      const cursor = written([column, time, id]);
      expect(await overGraphql(field, more, cursor)).toBe('refused');
      if (field === 'users' && column === 'created_at') {
        expect(await overRest(restPaths.users, cursor)).toBe('refused');
      }
    });

    test.each([
      '0001-01-01 00:00:00+15:59',
      '9999-12-31 23:59:59.999999-15:59',
      '2024-02-29 12:00:00.5+00',
    ])('J11: a cursor at %j is a place', async (time) => {
      expect(await overGraphql(field, more, written([column, time, id]))).toBe('page');
    });
  },
);

const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(...times),
  fc.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?$/),
  fc.double(),
  fc.bigInt().map(String),
  fc.jsonValue(),
);
const anyId = fc.oneof(
  { weight: 4, arbitrary: fc.constant(id) },
  { weight: 1, arbitrary: fc.uuid() },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const columns = [...new Set(lists.map(([, column]) => column)), '__proto__', 'password_hash'];
const cursor = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...columns), value, anyId).map(written) },
  { weight: 1, arbitrary: fc.jsonValue().map(written) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.base64String({ maxLength: 60 }) },
);

test('J11: for any content of a cursor, every list returns a page or VALIDATION_FAILED', async () => {
  const property = fc.asyncProperty(fc.constantFrom(...lists), cursor, async (list, text) => {
    const [field, , more] = list;
    expect(['page', 'refused']).toContain(await overGraphql(field, more, text));
    if (field === 'auditEntries') return;
    expect(['page', 'refused']).toContain(await overRest(restPaths[field], text));
  });
  await fc.assert(property, { numRuns: 300 });
});

describe.each([
  ['0000-01-01T00:00:00Z', 'refused'],
  ['0001-01-01T00:00:00+15:59', 'refused'],
  ['9999-12-31T23:59:59-15:59', 'refused'],
  ['0001-01-01T00:00:00Z', 'taken'],
  ['9999-12-31T23:59:59Z', 'taken'],
])('J11: the time %s is %s', (time, outcome) => {
  test.each(['since', 'until'])('J11: as %s of audit entries', async (bound) => {
    const { data, errors } = await service.graphql(
      `query ($time: DateTime) { auditEntries(filter: { ${bound}: $time }) { nodes { id } } }`,
      { time },
      root.accessToken,
    );
    if (outcome === 'taken') expect(data?.auditEntries).toBeTruthy();
    else expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
  });

  test('J11: as the end of a membership', async () => {
    const [userId, groupId] = [await makeUser(service), await makeGroup(service)];
    const { data, errors } = await service.graphql(
      `mutation ($input: SetGroupMembershipInput!) {
        setGroupMembership(input: $input) { __typename ... on Problem { code } }
      }`,
      { input: { userId, groupId, expiresAt: time } },
      root.accessToken,
    );
    if (time.startsWith('9999') && outcome === 'taken') {
      expect(data?.setGroupMembership.__typename).toBe('User');
    } else {
      const code = data?.setGroupMembership.code ?? errors?.[0]?.extensions?.code;
      expect(['BAD_USER_INPUT', 'BAD_REQUEST', 'VALIDATION_FAILED']).toContain(code);
    }
  });
});
