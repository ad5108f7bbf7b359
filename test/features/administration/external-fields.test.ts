/** The external id and the metadata of users over GraphQL and REST: writing, reading, search, rights and bad input. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeUser,
  newName,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { newAddress, somebody, tryLogin } from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const { createUser, updateUser } = administrationOf(() => service);

const fieldsOf = async (id: string) => {
  const document = 'query ($id: ID!) { user(id: $id) { externalId metadata } }';
  return (await service.graphql(document, { id }, root.accessToken)).data.user;
};

/** Longer than the metadata of cached principals. */
const long = { plan: 'pro', notes: 'x'.repeat(5000), tags: ['a', { b: [1.5, -2, true, null] }] };

describe('createUser and updateUser', () => {
  test('write both fields, and an update without them leaves them', async () => {
    const externalId = newName();
    const { id } = await createUser(root, { externalId, metadata: long });
    expect(await fieldsOf(id)).toEqual({ externalId, metadata: long });
    await updateUser(root, id, { firstName: 'Ada', metadata: null, externalId: null });
    expect(await fieldsOf(id)).toEqual({ externalId, metadata: long });
  });

  test('metadata replaces the whole object, and {} and an empty id remove the values', async () => {
    const { id } = await createUser(root, { externalId: newName(), metadata: { a: 1, b: 2 } });
    await updateUser(root, id, { metadata: { b: 3 } });
    expect((await fieldsOf(id)).metadata).toEqual({ b: 3 });
    await updateUser(root, id, { metadata: {}, externalId: '' });
    expect(await fieldsOf(id)).toEqual({ externalId: null, metadata: {} });
  });

  test('a new user has no external id and empty metadata', async () => {
    const { id } = await createUser(root, {});
    expect(await fieldsOf(id)).toEqual({ externalId: null, metadata: {} });
  });

  test('metadata can be a literal of the document', async () => {
    const id = await makeUser(service);
    const document = `mutation ($id: ID!) {
      updateUser(id: $id, input: { metadata: { a: [1, "x", { b: true }], c: null } }) { __typename }
    }`;
    await service.graphql(document, { id }, root.accessToken);
    expect((await fieldsOf(id)).metadata).toEqual({ a: [1, 'x', { b: true }], c: null });
  });

  test('of 16 parallel calls with one external id, exactly one creates an account', async () => {
    const externalId = newName();
    const results = await Promise.all(
      Array.from({ length: 16 }, () => createUser(root, { externalId })),
    );
    expect(results.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
    const refused = results.filter(({ outcome }) => outcome === 'ALREADY_EXISTS');
    expect(refused).toHaveLength(15);
    for (const { fields } of refused) expect(fields).toEqual([{ path: 'externalId' }]);
  });

  test('an external id that another account has is refused, and the own one is not', async () => {
    const [externalId, other] = [newName(), newName()];
    const { id } = await createUser(root, { externalId });
    await createUser(root, { externalId: other });
    expect(await updateUser(root, id, { externalId })).toMatchObject({ outcome: 'done' });
    expect(await updateUser(root, id, { externalId: other })).toMatchObject({
      outcome: 'ALREADY_EXISTS',
      fields: [{ path: 'externalId' }],
    });
  });

  test('the audit log has the values before and after, and no notice is mailed', async () => {
    const externalId = newName();
    const email = newAddress();
    const { id } = await createUser(root, { email, externalId, metadata: { plan: 'free' } });
    await quiet(service);
    const mails = service.mail.mails.filter(({ to }) => to === email).length;
    await updateUser(root, id, { externalId: `${externalId}-2`, metadata: { plan: 'pro' } });
    const document = `query ($id: ID!) {
      auditEntries(filter: { targetId: $id }) { nodes { action before after } }
    }`;
    const { data } = await service.graphql(document, { id }, root.accessToken);
    const [updated, created] = data.auditEntries.nodes;
    expect(updated).toMatchObject({
      action: 'user-updated',
      before: { externalId, metadata: { plan: 'free' } },
      after: { externalId: `${externalId}-2`, metadata: { plan: 'pro' } },
    });
    expect(created).toMatchObject({
      action: 'user-created',
      after: { externalId, metadata: { plan: 'free' } },
    });
    await quiet(service);
    expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(mails);
  });

  test('an equal object is no change', async () => {
    const { id } = await createUser(root, { metadata: { a: 1, b: { c: [1, 2] } } });
    await updateUser(root, id, { metadata: { b: { c: [1, 2] }, a: 1 } });
    const document = `query ($id: ID!) { auditEntries(filter: { targetId: $id }) { nodes { action } } }`;
    const { data } = await service.graphql(document, { id }, root.accessToken);
    expect(data.auditEntries.nodes).toEqual([{ action: 'user-created' }]);
  });
});

const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) });
/** Metadata with this number of bytes as JSON. */
const ofBytes = (bytes: number) => ({ a: 'é'.repeat((bytes - 8) / 2) });

describe('bad input', () => {
  const values: readonly (readonly [string, unknown])[] = [
    ['a list', [1]],
    ['a text', '{"a": 1}'],
    ['a number', 1],
    ['a boolean', false],
    ['8194 bytes', ofBytes(8194)],
    ['nine levels', nested(9)],
    ['U+0000 in a text', { a: 'x\0y' }],
    ['U+0000 in a key', { 'x\0y': 1 }],
    ['half a surrogate pair in a text', { a: '\ud800' }],
    ['half a surrogate pair in a key', { '\udfff': 1 }],
    ['a whole number that JavaScript rounds', { a: 9_007_199_254_740_992 }],
    ['a number of 300 digits', { a: 1e300 }],
    ['a number with 300 zeros', { a: [1e-300] }],
  ];

  test.each(values)('metadata: %s is refused', async (_what, metadata) => {
    const result = await createUser(root, { metadata });
    expect(result).toMatchObject({ outcome: 'VALIDATION_FAILED', fields: [{ path: 'metadata' }] });
    const id = await makeUser(service);
    const before = await rowOf(service, id);
    expect((await updateUser(root, id, { metadata })).outcome).toBe('VALIDATION_FAILED');
    const { status } = await service.rest('PATCH', `/admin/users/${id}/`, {
      token: root.accessToken,
      json: { metadata },
    });
    expect(status).toBe(400);
    expect(await rowOf(service, id)).toEqual(before);
  });

  test('a literal of a document cannot have an infinite number or the key __proto__', async () => {
    const id = await makeUser(service);
    for (const literal of [
      '{ a: 1e999 }',
      '{ __proto__: { isAdmin: true } }',
      '{ constructor: 1 }',
    ]) {
      const document = `mutation ($id: ID!) {
        updateUser(id: $id, input: { metadata: ${literal} }) { __typename ... on Problem { fields { path } } }
      }`;
      const { data } = await service.graphql(document, { id }, root.accessToken);
      expect(data.updateUser.fields, literal).toEqual([{ path: 'metadata' }]);
    }
    expect((await fieldsOf(id)).metadata).toEqual({});
  });

  test.each([
    ['8192 bytes', ofBytes(8192)],
    ['eight levels', nested(8)],
    ['many small values', { a: Array.from({ length: 499 }, () => 0) }],
    ['the largest and smallest numbers', { a: 9_007_199_254_740_991, b: 0.000001, c: -1.5 }],
    ['every other control character', { 'a\n': '\u0001\u001f\u007f\u202e' }],
    ['names of methods', { toString: 1, hasOwnProperty: 2, prototype: 3 }],
  ])('metadata: %s is stored', async (_what, metadata) => {
    const { id, outcome } = await createUser(root, { metadata });
    expect(outcome).toBe('done');
    expect((await fieldsOf(id)).metadata).toEqual(metadata);
  });

  test.each([
    ['256 characters', 'x'.repeat(256)],
    ['spaces only', '   '],
    ['a control character', 'a\nb'],
    ['U+0000', 'a\0b'],
    ['half a surrogate pair', '\ud800'],
  ])('an external id with %s is refused', async (_what, externalId) => {
    const result = await createUser(root, { externalId });
    expect(result).toMatchObject({
      outcome: 'VALIDATION_FAILED',
      fields: [{ path: 'externalId' }],
    });
  });

  test.each(['4711', 'auth0|5f7c8ec7c33c6c004bbafe82', 'ou=people, dc=example', 'Ω'.repeat(255)])(
    'the external id %s is stored as it is',
    async (externalId) => {
      const { id } = await createUser(root, { externalId });
      expect((await fieldsOf(id)).externalId).toBe(externalId);
    },
  );
});

describe('search by external id', () => {
  test('finds exactly one account over GraphQL and REST', async () => {
    const externalId = newName();
    const { id } = await createUser(root, { externalId });
    await createUser(root, { externalId: `${externalId}0` });
    const document = `query ($filter: UserFilter) { users(filter: $filter) { nodes { id } totalCount } }`;
    const find = async (filter: object) =>
      (await service.graphql(document, { filter }, root.accessToken)).data.users;
    expect(await find({ externalId })).toEqual({ nodes: [{ id }], totalCount: 1 });
    expect(await find({ externalId: externalId.toUpperCase() })).toMatchObject({ nodes: [] });
    expect(await find({ search: externalId })).toMatchObject({ nodes: [] });
    const path = `/admin/users/?external_id=${externalId}`;
    const { body } = await service.rest('GET', path, { token: root.accessToken });
    expect(body.data).toEqual([expect.objectContaining({ id, external_id: externalId })]);
  });
});

describe('REST', () => {
  const create = (request: object) =>
    service.rest('POST', '/admin/users/', { token: root.accessToken, ...request });

  test('takes and returns both fields in JSON', async () => {
    const externalId = newName();
    const names = { first_name: 'Ada', last_name: 'Lovelace' };
    const json = { email: newAddress(), ...names, external_id: externalId, metadata: long };
    const { status, body } = await create({ json });
    expect(status).toBe(201);
    expect(body.data).toMatchObject({ external_id: externalId, metadata: long });
    // A client may send a response back.
    const path = `/admin/users/${body.data.id}/`;
    const put = await service.rest('PUT', path, { token: root.accessToken, json: body.data });
    expect(put.body.data).toMatchObject({ external_id: externalId, metadata: long });
  });

  test('takes metadata as JSON text in a form and in multipart data', async () => {
    const metadata = JSON.stringify(long);
    const form = new URLSearchParams({ email: newAddress(), metadata, external_id: '' });
    const first = await create({ form: form.toString() });
    expect(first.body.data).toMatchObject({ metadata: long, external_id: null });
    const multipart = new FormData();
    multipart.set('email', newAddress());
    multipart.set('metadata', metadata);
    const answer = await fetch(`${service.address}/auth/admin/users/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${root.accessToken}` },
      body: multipart,
    });
    expect(await answer.json()).toMatchObject({ data: { metadata: long } });
  });

  test.each([
    ['no JSON', 'plan=pro'],
    ['a text', '"plan"'],
    ['a duplicate key', '{"a":1,"a":2}'],
    ['the key __proto__', '{"__proto__":{"isAdmin":true}}'],
    ['an infinite number', '{"a":1e999}'],
  ])('refuses a form with %s as metadata', async (_what, metadata) => {
    const form = new URLSearchParams({ email: newAddress(), metadata }).toString();
    const { status, body } = await create({ form });
    expect({ status, fields: body.data.fields }).toEqual({
      status: 400,
      fields: [{ path: 'metadata', message: expect.any(String) }],
    });
  });

  test('names the field of an external id that is taken', async () => {
    const externalId = newName();
    await createUser(root, { externalId });
    const { status, body } = await create({
      json: { email: newAddress(), external_id: externalId },
    });
    expect({ status, fields: body.data.fields }).toEqual({
      status: 400,
      fields: [{ path: 'external_id', message: 'Is taken.' }],
    });
  });
});

describe('the owner', () => {
  test.each([
    ['short', { plan: 'pro' }],
    ['long', long],
  ])(
    'reads %s metadata in me, in the profile, at login and in the export',
    async (_what, metadata) => {
      const externalId = newName();
      const user = await somebody(service);
      await updateUser(root, user.userId, { externalId, metadata });
      const document = '{ me { externalId metadata } exportMyData }';
      const { data } = await service.graphql(document, {}, user.accessToken);
      expect(data.me).toEqual({ externalId, metadata });
      expect(data.exportMyData.account).toMatchObject({ external_id: externalId, metadata });
      const { body } = await service.rest('GET', '/profile/view/', { token: user.accessToken });
      expect(body.data).toMatchObject({ external_id: externalId, metadata });
      const login = await service.graphql(
        `mutation ($input: LoginInput!) {
        login(input: $input) { ... on TokenPair { user { externalId metadata } } }
      }`,
        { input: { email: user.email, password: 'correct horse battery staple' } },
      );
      expect(login.data.login.user).toEqual({ externalId, metadata });
      expect(JSON.stringify(await tryLogin(service, user.email))).not.toContain(externalId);
    },
  );

  test('sees a change of an administrator at once', async () => {
    const user = await somebody(service);
    const read = async () =>
      (await service.graphql('{ me { metadata } }', {}, user.accessToken)).data.me.metadata;
    for (const metadata of [{}, { a: 1 }, long, { b: 2 }]) {
      await updateUser(root, user.userId, { metadata });
      expect(await read()).toEqual(metadata);
    }
  });

  test('cannot write them', async () => {
    const { accessToken: token, userId } = await somebody(service);
    const before = await rowOf(service, userId);
    await service.rest('PUT', '/profile/update/', {
      token,
      json: { external_id: 'mine', metadata: { plan: 'pro' } },
    });
    const document = `mutation { updateProfile(input: { metadata: {} }) { __typename } }`;
    expect((await service.graphql(document, {}, token)).errors).toHaveLength(1);
    expect(await rowOf(service, userId)).toEqual(before);
  });
});

describe('rights', () => {
  const both: readonly object[] = [{ externalId: 'staff-own' }, { metadata: { plan: 'pro' } }];

  test('staff change neither field of their own account, and superusers do', async () => {
    const admin = await staff(service, ['users.change_user', 'users.view_user']);
    for (const input of both) {
      expect((await updateUser(admin, admin.userId, input)).outcome).toBe('FORBIDDEN');
      expect((await updateUser(root, root.userId, input)).outcome).toBe('done');
    }
    await updateUser(root, root.userId, { externalId: '', metadata: {} });
  });

  test('staff change the external id only of an account whose rights they hold', async () => {
    const admin = await staff(service, ['users.change_user', 'shop.view']);
    const target = await makeUser(service);
    await setPermissions(service, target, ['shop.view']);
    const [first, second] = [newName(), newName()];
    expect((await updateUser(admin, target, { externalId: first })).outcome).toBe('done');
    await setPermissions(service, target, ['shop.view', 'shop.delete']);
    for (const externalId of [second, '']) {
      expect((await updateUser(admin, target, { externalId })).outcome).toBe('FORBIDDEN');
    }
    expect((await updateUser(admin, target, { metadata: { a: 1 } })).outcome).toBe('done');
    expect(await fieldsOf(target)).toEqual({ externalId: first, metadata: { a: 1 } });
  });

  test('nobody without users.change_user writes them, and staff never those of a superuser', async () => {
    const viewer = await staff(service, ['users.view_user']);
    const admin = await staff(service, ['users.change_user']);
    const target = await makeUser(service);
    const chief = await makeUser(service, { isSuperuser: true });
    for (const input of both) {
      expect((await updateUser(viewer, target, input)).outcome).toBe('FORBIDDEN');
      expect((await updateUser(admin, chief, input)).outcome).toBe('FORBIDDEN');
    }
  });
});
