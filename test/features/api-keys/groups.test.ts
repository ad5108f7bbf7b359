/** A credential with a limit has no groups, at every place where an application reads the groups of a caller. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, makeGroup, superuser } from '../../support/administrators.ts';
import { createKey, createServiceAccount } from '../../support/api-keys.ts';
import { partsOf } from '../../support/forge.ts';
import { oauth } from '../../support/oauth.ts';
import { somebody } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

const hasura = 'https://hasura.io/jwt/claims';
let service: TestService;
let root: Administrator;
let groupId: string;
let ada: Awaited<ReturnType<typeof somebody>>;
let robot: Awaited<ReturnType<typeof createServiceAccount>>;

beforeAll(async () => {
  service = await startService({ environment: { ACCESS_TOKEN_CLAIMS: 'groups,hasura' } });
  root = await superuser(service);
  groupId = await makeGroup(service, ['shop.view_order'], 'Admins');
  ada = await somebody(service);
  await service.database.query('insert into user_groups (user_id, group_id) values ($1, $2)', [
    ada.userId,
    groupId,
  ]);
  robot = await createServiceAccount(service, root.accessToken, { groupIds: [groupId] });
});
afterAll(() => service.close());

const personalKey = async (permissions?: readonly string[]) =>
  (await createKey(service, ada.accessToken, permissions && { permissions })).secret;

const robotKey = async (permissions?: readonly string[]) => {
  const limit = permissions && { permissions };
  const input = { serviceAccountId: robot.id, ...limit };
  return (await createKey(service, root.accessToken, input)).secret;
};

async function tokenOf(secret: string, scope?: string): Promise<string> {
  const form = { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) };
  const { body } = await oauth(service, 'token', { basic: [robot.clientId, secret], form });
  return body.access_token;
}

const limited = {
  'a personal key without permissions': () => personalKey([]),
  'a personal key with permissions': () => personalKey(['shop.view_order']),
  'a key of a service account': () => robotKey(['shop.view_order']),
  'an access token of such a key': async () => tokenOf(await robotKey(['shop.view_order'])),
  'an access token with a scope': async () => tokenOf(await robotKey(), 'shop.view_order'),
};

const unlimited = {
  'a session': async () => ada.accessToken,
  'a personal key': () => personalKey(),
  'a key of a service account': () => robotKey(),
  'an access token of such a key': async () => tokenOf(await robotKey()),
};

const forwardAuth = (credential: string, query = '') =>
  rawRequest(service.address, ['GET', `/forward-auth${query}`], {
    headers: { authorization: `Bearer ${credential}` },
  });

async function groupsSeenWith(credential: string) {
  const { data } = await service.graphql('{ hasGroup(name: "Admins") }', {}, credential);
  const rest = await service.rest('GET', '/profile/has_group/Admins/', { token: credential });
  const { status, headers } = await forwardAuth(credential);
  return {
    graphql: data?.hasGroup,
    rest: /true|false/.exec(rest.text)?.[0],
    required: (await forwardAuth(credential, '?group=Admins')).status,
    passes: status,
    header: headers['x-user-groups'],
  };
}

describe('with a limit', () => {
  test.each(Object.entries(limited))('%s has no groups', async (_title, credentialOf) => {
    const seen = await groupsSeenWith(await credentialOf());
    expect(seen).toEqual({
      ...{ graphql: false, rest: 'false', required: 403, passes: 204, header: undefined },
    });
  });

  test('the permissions of the group stay, as far as the limit allows', async () => {
    const secret = await personalKey(['shop.view_order']);
    expect((await forwardAuth(secret, '?permission=shop.view_order')).status).toBe(204);
  });

  test.each([
    ['a key', async () => tokenOf(await robotKey(['shop.view_order']))],
    ['a scope', async () => tokenOf(await robotKey(), 'shop.view_order')],
  ])('a token of %s has no claim about groups and the default role', async (_title, tokenOfIt) => {
    const { payload } = partsOf(await tokenOfIt());
    expect(payload).not.toHaveProperty('groups');
    expect(payload[hasura]).toMatchObject({
      'x-hasura-default-role': 'service-account',
      'x-hasura-allowed-roles': ['service-account'],
    });
  });
});

describe('without a limit', () => {
  test.each(Object.entries(unlimited))('%s has the groups', async (_title, credentialOf) => {
    const seen = await groupsSeenWith(await credentialOf());
    expect(seen).toEqual({
      ...{ graphql: true, rest: 'true', required: 204, passes: 204, header: 'Admins' },
    });
  });

  test('a token has the claims', async () => {
    const { payload } = partsOf(await tokenOf(await robotKey()));
    expect(payload).toMatchObject({
      groups: ['Admins'],
      [hasura]: { 'x-hasura-allowed-roles': ['service-account', 'Admins'] },
    });
  });
});
