/** TRUSTED_DOCUMENTS: GraphQL accepts only the documents of the manifest, by id and by text. */
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApolloServer } from '@apollo/server';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readTrustedDocuments } from '../../../src/api/graphql/trusted-documents.ts';
import { ConfigError } from '../../../src/config/config.ts';
import { goodPassword, newAddress, person } from '../../support/people.ts';
import { internals } from '../../support/refusals.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

const login = `mutation Login($input: LoginInput!) {
  login(input: $input) { __typename ... on TokenPair { accessToken } ... on Problem { code } }
}`;
const me = 'query Me { me { id email } }';
const idOf = (document: string) => createHash('sha256').update(document).digest('hex');

const manifests = {
  flat: { [idOf(login)]: login, [`sha256:${idOf(me)}`]: me },
  apollo: {
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [
      { id: idOf(login), body: login, name: 'Login', type: 'mutation' },
      { id: idOf(me), body: me, name: 'Me', type: 'query' },
    ],
  },
};

let directory: string;
/** A service that accepts every document, for the preparation of tests. */
let open: TestService;

beforeAll(async () => {
  directory = makeScratchDirectory('manifest');
  open = await startService();
});
afterAll(async () => {
  await open.close();
  await rm(directory, { recursive: true, force: true });
});

async function fileWith(content: unknown): Promise<string> {
  const file = join(directory, `${idOf(JSON.stringify(content)).slice(0, 12)}.json`);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function startWith(file: string): Promise<TestService> {
  const environment = { TRUSTED_DOCUMENTS: file };
  return startService({ database: open.database, mail: open.mail, environment });
}

describe.each(['flat', 'apollo'] as const)('the %s manifest', (form) => {
  let service: TestService;
  let ada: Awaited<ReturnType<typeof person>>;

  beforeAll(async () => {
    ada = await person(open);
    service = await startWith(await fileWith(manifests[form]));
  });
  afterAll(() => service.close());

  async function send(body: object | string, search = '', method = 'POST') {
    const response = await fetch(`${service.address}/graphql${search}`, {
      method,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${ada.accessToken}`,
      },
      ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    const { data, errors } = JSON.parse(text);
    return { status: response.status, headers: response.headers, data, errors, text };
  }
  const get = (values: Readonly<Record<string, string>>) =>
    send('', `?${new URLSearchParams(values)}`, 'GET');
  const persisted = (document: string) => ({
    persistedQuery: { version: 1, sha256Hash: idOf(document) },
  });

  test('accepts a listed operation by id and by text', async () => {
    const responses = [
      await send({ documentId: idOf(me) }),
      await send({ documentId: `sha256:${idOf(me)}` }),
      await send({ id: idOf(me) }),
      await send({ doc_id: idOf(me), query: null }),
      await send({ doc_id: idOf(me), query: '' }),
      await send({ variables: {} }, `?doc_id=${idOf(me)}`),
      await send({ extensions: persisted(me) }),
      await send({ query: me }),
      await send({ query: me, extensions: persisted(me) }),
      await get({ documentId: idOf(me) }),
      await get({ id: idOf(me) }),
      await get({ doc_id: idOf(me) }),
      await get({ extensions: JSON.stringify(persisted(me)) }),
      await get({ query: me, operationName: 'Me' }),
    ];
    for (const { status, data } of responses) {
      expect([status, data]).toEqual([200, { me: { id: ada.userId, email: ada.email } }]);
    }
  });

  test('accepts the variables of an operation', async () => {
    const input = { email: ada.email, password: goodPassword };
    for (const source of [{ documentId: idOf(login) }, { id: idOf(login) }, { query: login }]) {
      const { data } = await send({ ...source, variables: { input } });
      expect(data.login.__typename).toBe('TokenPair');
    }
  });

  test.each(['id', 'doc_id', 'documentId'])('prepares an operation by %s', async (name) => {
    const body = { [name]: idOf(me), operationName: 'Me' };
    const first = await send(body);
    const calls = vi.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');
    const second = await send(body);
    expect(calls).not.toHaveBeenCalled();
    calls.mockRestore();
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect(second.data.me.email).toBe(ada.email);
  });

  test('refuses every other operation', async () => {
    const other = 'query Me { me { id } }';
    const responses = [
      await send({ query: other }),
      await send({ query: `${me} ` }),
      await send({ query: '{ __typename }' }),
      await send({ query: '{ __schema { queryType { name } } }' }),
      await send({ query: '{' }),
      await send({ documentId: idOf(other) }),
      await send({ documentId: idOf(other), query: other }),
      await send({ documentId: '__proto__' }),
      await send({ id: idOf(other) }),
      await send({ doc_id: idOf(other) }),
      await send({ query: me, id: idOf(login) }),
      await send({ query: me }, `?id=${idOf(login)}`),
      await send({ extensions: persisted(other) }),
      await send({ query: other, extensions: persisted(other) }),
      await send({ query: other, documentId: idOf(me) }),
      await send({ query: login, extensions: persisted(me) }),
      await send({ query: other, operationName: 'Me' }),
      await get({ query: other }),
      await get({ documentId: idOf(other) }),
    ];
    const refusal = {
      message: 'This operation is not in the list of trusted documents.',
      extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST' },
    };
    for (const { status, data, errors } of responses) {
      expect([status, data, errors]).toEqual([400, undefined, [refusal]]);
    }
  });

  test('executes nothing of a refused operation', async () => {
    const email = newAddress();
    const response = await send({
      query: `mutation { register(input: {email: "${email}", password: "${goodPassword}",
        firstName: "A", lastName: "B"}) { __typename } }`,
    });
    expect(response.status).toBe(400);
    const rows = await service.database.query('select 1 from users where email = $1', [email]);
    expect(rows).toEqual([]);
  });

  test('leaves all other refusals as they are', async () => {
    const byGet = await get({ documentId: idOf(login), variables: '{}' });
    expect([byGet.status, byGet.headers.get('allow')]).toEqual([405, 'POST']);
    for (const body of [
      {},
      { documentId: 7 },
      { id: 7 },
      { query: { me: 1 } },
      [{ documentId: idOf(me) }],
    ]) {
      const { status, text } = await send(body);
      expect(status).toBe(400);
      expect(text).not.toMatch(internals);
    }
  });

  test('leaves REST and the pages as they are', async () => {
    const json = { email: ada.email, password: goodPassword };
    expect((await service.rest('POST', '/login/', { json })).status).toBe(200);
    const profile = await service.rest('GET', '/profile/view/', { token: ada.accessToken });
    expect(profile.body.data.email).toBe(ada.email);
    const form = new URLSearchParams({ code: 'wrong' });
    const page = await fetch(`${service.address}/verify-email`, { method: 'POST', body: form });
    expect(page.status).toBe(400);
    expect(await page.text()).toContain('<html');
  });
});

test('ids may be of any form, such as the MD5 digests of Relay', async () => {
  const ada = await person(open);
  await using service = await startWith(
    await fileWith({ '7b0ea5a8d1d8d3f3b1ab8f31ba8e8a86': me, 'the login': login }),
  );
  const ask = (body: object) =>
    fetch(`${service.address}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${ada.accessToken}`,
      },
      body: JSON.stringify(body),
    }).then(async (response) => JSON.parse(await response.text()));
  expect(await ask({ id: '7b0ea5a8d1d8d3f3b1ab8f31ba8e8a86' })).toEqual({
    data: { me: { id: ada.userId, email: ada.email } },
  });
  const input = { email: ada.email, password: goodPassword };
  const { data } = await ask({ doc_id: 'the login', variables: { input } });
  expect(data.login.__typename).toBe('TokenPair');
});

describe('without a manifest', () => {
  const ask = async (body: object, search = '') => {
    const response = await fetch(`${open.address}/graphql${search}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { data, errors } = JSON.parse(await response.text());
    return { status: response.status, data, errors };
  };

  test.each(['id', 'doc_id', 'documentId'])('%s in place of the text is refused', async (name) => {
    for (const id of [idOf(me), '', 'sha256:x']) {
      const answers = [
        await ask({ [name]: id }),
        await ask({ [name]: id, query: null }),
        await ask({ variables: {} }, `?${name}=${id}`),
      ];
      for (const { status, errors } of answers) {
        expect(status).toBe(400);
        expect(errors).toEqual([
          {
            message: expect.stringContaining('TRUSTED_DOCUMENTS is not set'),
            extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
          },
        ]);
      }
    }
  });

  test('an id beside the text has no effect', async () => {
    const query = '{ __typename }';
    for (const body of [
      { id: '1', query },
      { doc_id: 'x', query },
      { documentId: 'x', query },
    ]) {
      for (let time = 0; time < 2; time += 1) {
        expect(await ask(body)).toMatchObject({ status: 200, data: { __typename: 'Query' } });
      }
    }
  });

  test("Apollo's extension has the message that makes clients send the text", async () => {
    const persistedQuery = { version: 1, sha256Hash: idOf(me) };
    const { status, errors } = await ask({ extensions: { persistedQuery } });
    expect([status, errors]).toEqual([
      200,
      [
        {
          message: 'PersistedQueryNotSupported',
          extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
        },
      ],
    ]);
  });
});

describe('an invalid manifest', () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['is not JSON', '{', /is not JSON/],
    ['is a list', [login], /must be/],
    ['is empty', {}, /lists no document/],
    ['has something else than texts', { a: 7 }, /must be/],
    ['has no document', { [idOf(me)]: 'query {' }, /has no valid document at/],
    ['is of another version', { ...manifests.apollo, version: 2 }, /must be/],
    ['is of another format', { format: 'mine', operations: [] }, /must be/],
    ['names one twice', { a: me, 'sha256:a': login }, /twice/],
  ];

  test.each(wrong)('%s: the message names the fault', async (_what, content, message) => {
    const file = await fileWith(content);
    const read = () => readTrustedDocuments(file);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
    expect(read).toThrow(`TRUSTED_DOCUMENTS: ${file}`);
  });

  test('prevents the start', async () => {
    const missing = join(directory, 'missing.json');
    await expect(startWith(missing)).rejects.toThrow(
      `TRUSTED_DOCUMENTS: ${missing} cannot be read`,
    );
  });
});
