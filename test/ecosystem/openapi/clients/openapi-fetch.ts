/** The journey of a user and an administrator with openapi-typescript and openapi-fetch. */
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './generated/schema';
import { given, nextCursor, type Seen, type World } from './world';

type Client = ReturnType<typeof createClient<paths>>;

function clientWith({ address, isUnpooled }: World, token: () => string | undefined): Client {
  const headers = isUnpooled ? { connection: 'close' } : {};
  const client = createClient<paths>({ baseUrl: address, headers });
  const authorization: Middleware = {
    onRequest({ request }) {
      const current = token();
      if (current !== undefined) request.headers.set('authorization', `Bearer ${current}`);
      return request;
    },
  };
  client.use(authorization);
  return client;
}

export async function journey(world: World): Promise<Seen> {
  const own = await ownAccount(world);
  return { ...own, ...(await administration(world, own.token)) };
}

async function ownAccount(world: World) {
  const { email, password, newPassword } = world;
  let tokens: components['schemas']['TokenPair'] | undefined;
  const api = clientWith(world, () => tokens?.access_token);
  const names = { first_name: 'Ada', last_name: 'Lovelace' };

  const refused = await api.POST('/auth/register/', {
    body: { email, password: 'password123', ...names },
  });
  const problem = given(refused.error).data;
  const registered = await api.POST('/auth/register/', { body: { email, password, ...names } });
  given(registered.data, registered.error);
  const code = await world.verificationCode();
  const verified = await api.GET('/auth/register/verify/', { params: { query: { code } } });
  given(verified.data, verified.error);

  const login = await api.POST('/auth/login/', { body: { email, password } });
  tokens = given(login.data, login.error).data;
  const profile = given((await api.GET('/auth/profile/view/')).data).data;
  const updated = await api.PUT('/auth/profile/update/', { body: { first_name: 'Augusta' } });
  const refreshed = await api.POST('/auth/token/refresh/', {
    body: { refresh_token: tokens.refresh_token },
  });
  const before = tokens.refresh_token;
  tokens = given(refreshed.data, refreshed.error).data;
  const wasRefreshed = tokens.refresh_token !== before;

  await api.POST('/auth/password/request_change/', { body: { email } });
  const { uid: uidb64, token } = await world.resetLink();
  const valid = await api.GET('/auth/password/verify/{uidb64}/{token}/', {
    params: { path: { uidb64, token } },
  });
  given(valid.data, valid.error);
  const reset = await api.PUT('/auth/password/reset/', {
    body: { uidb64, token, password: newPassword, password2: newPassword },
  });
  given(reset.data, reset.error);
  const again = await api.POST('/auth/login/', { body: { email, password: newPassword } });
  tokens = given(again.data, again.error).data;
  await api.POST('/auth/logout/', { body: { refresh_token: tokens.refresh_token } });
  const after = await api.GET('/auth/profile/view/');

  const last = await api.POST('/auth/login/', { body: { email, password: newPassword } });
  return {
    refusal: [problem.code, problem.fields[0]?.path] as const,
    names: [profile.full_name, given(updated.data, updated.error).data.full_name] as const,
    lastLogin: profile.last_login,
    wasRefreshed,
    statusAfterLogout: after.response.status,
    token: given(last.data, last.error).data.access_token,
  };
}

async function administration(world: World, strangerToken: string) {
  const api = clientWith(world, () => world.rootToken);
  const users: components['schemas']['User'][] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const query = { limit: 2, status: 'ACTIVE' as const, ...(cursor ? { cursor } : {}) };
    const { data, error, response } = await api.GET('/auth/admin/users/', { params: { query } });
    users.push(...given(data, error).data);
    cursor = nextCursor(response.headers);
    pages += 1;
  } while (cursor);
  const created = await api.POST('/auth/admin/groups/', {
    body: { name: world.groupName, permissions: [] },
  });
  const stranger = clientWith(world, () => strangerToken);
  const forbidden = await stranger.GET('/auth/admin/users/');
  return {
    addresses: users.map(({ email }) => email),
    pages,
    group: given(created.data, created.error).data,
    codeForStranger: given(forbidden.error).data.code,
  };
}
