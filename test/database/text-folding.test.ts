/** Search and comparison of names ignore case and Unicode composition, in every locale of the database. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, makeUser, superuser } from '../support/administrators.ts';
import { createTestDatabase } from '../support/database.ts';
import { somebody, tryLogin } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

const databases = {
  'the built-in C.UTF-8': undefined,
  'the locale C': "template template0 encoding 'UTF8' locale_provider libc locale 'C'",
};

const names: readonly (readonly [name: string, search: string])[] = [
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
  ['Οδυσσεύς', 'ΟΔΥΣΣΕ'],
  ['Οδυσσεύς', 'ΟΔΥΣ'],
  ['İbrahim', 'ibrahim'],
  ['ibrahim', 'İBRAHİM'],
  ['ISPARTALI', 'ıspartalı'],
  ['Émile', 'ÉMILE'],
  ['Émile', 'emile'],
  ['Zoe\u0308', 'zoë'],
  ['Zoë', 'ZOE\u0308'],
  ['Groß', 'GROSS'],
  ['Łukasz', 'lukasz'],
  ['АЛЕКСАНДР', 'александр'],
  ['Ｆｕｌｌ', 'full'],
  ['李小龍', '小龍'],
];

describe.each(Object.entries(databases))('with %s', (_locale, definition) => {
  let service: TestService;
  let root: Administrator;

  beforeAll(async () => {
    const database = await createTestDatabase(definition);
    service = await startService({ database });
    root = await superuser(service);
  });
  afterAll(async () => {
    await service.close();
    await service.database.drop();
  });

  test.each(names)('the name %s is found by %s', async (name, search) => {
    const id = await makeUser(service);
    const update =
      'mutation ($id: ID!, $name: String!) { updateUser(id: $id, input: {firstName: $name}) { __typename } }';
    const { data: updated } = await service.graphql(update, { id, name }, root.accessToken);
    expect(updated.updateUser.__typename).toBe('User');
    const { data } = await service.graphql(
      'query ($search: String) { users(filter: {search: $search}, first: 100) { nodes { id } } }',
      { search },
      root.accessToken,
    );
    expect(data.users.nodes).toContainEqual({ id });
  });

  test('a username is unique and can log in in any case', async () => {
    const { email } = await somebody(service, { username: 'INES.I' });
    expect(await tryLogin(service, 'ines.i')).toMatchObject({ user: { email } });
    expect(await tryLogin(service, 'Ines.I')).toMatchObject({ user: { email } });
    await expect(somebody(service, { username: 'ines.i' })).rejects.toThrow(/username/);
  });

  test('a group name is unique in any case and Unicode composition, and found in both', async () => {
    const create = (name: string) =>
      service.graphql(
        'mutation ($name: String!) { createGroup(input: {name: $name}) { __typename ... on Group { name } ... on Problem { code } } }',
        { name },
        root.accessToken,
      );
    const { data: made } = await create('E\u0301diteurs');
    expect(made.createGroup).toEqual({ __typename: 'Group', name: 'Éditeurs' });
    for (const name of ['Éditeurs', 'éditeurs', 'ÉDITEURS', 'e\u0301diteurs']) {
      const { data } = await create(name);
      expect(data.createGroup.code, name).toBe('ALREADY_EXISTS');
    }
    expect((await create('Editeurs')).data.createGroup.__typename).toBe('Group');
    await service.database.query(
      `insert into user_groups (user_id, group_id) select $1, id from groups where name = 'Éditeurs'`,
      [root.userId],
    );
    const { data } = await service.graphql(
      '{ hasGroup(name: "E\u0301diteurs") }',
      {},
      root.accessToken,
    );
    expect(data.hasGroup).toBe(true);
  });
});
