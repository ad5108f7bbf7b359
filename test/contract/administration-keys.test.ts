/** Administration over REST refuses unknown keys, and accepts its own response as input. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Administrator, makeUser, superuser } from '../support/administrators.ts';
import { newAddress } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

test('an unknown key is named, and nothing is changed', async () => {
  const id = await makeUser(service);
  for (const json of [
    { firstname: 'Ada' },
    { first_name: 'Ada', isStaff: true },
    { passwort: 'x' },
  ]) {
    const response = await service.rest('PATCH', `/admin/users/${id}/`, {
      json,
      token: root.accessToken,
    });
    expect(response.status).toBe(400);
    expect(response.body.data.fields).toEqual([
      { path: Object.keys(json).at(-1), message: 'Is unknown.' },
    ]);
  }
  const rows = await service.database.query('select first_name from users where id = $1', [id]);
  expect(rows).toEqual([{ first_name: 'Grace' }]);
  const created = await service.rest('POST', '/admin/users/', {
    json: { email: newAddress(), emial: 'x' },
    token: root.accessToken,
  });
  expect(created.body.data.fields).toEqual([{ path: 'emial', message: 'Is unknown.' }]);
});

test('a response is accepted unchanged as the body of a PUT', async () => {
  const id = await makeUser(service);
  const path = `/admin/users/${id}/`;
  const { body } = await service.rest('GET', path, { token: root.accessToken });
  const { groups: _groups, ...data } = body.data;
  const response = await service.rest('PUT', path, {
    json: { ...data, first_name: 'Ada' },
    token: root.accessToken,
  });
  expect(response.body.data).toMatchObject({ id, first_name: 'Ada', last_name: 'Hopper' });
});

test('an unknown key that cannot be a name is not repeated', async () => {
  const response = await service.rest('POST', '/admin/groups/', {
    json: { name: 'Editors', '<script>alert(1)</script>': 1 },
    token: root.accessToken,
  });
  expect(response.body.data.fields).toEqual([{ path: 'body', message: 'Is unknown.' }]);
});
